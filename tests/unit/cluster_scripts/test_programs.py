"""Which programs are built, at which versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.cluster import programs
from scripts.cluster.places import Places

GO_MOD = """\
module example.test/node

go 1.26.7

replace k8s.io/api => k8s.io/api v0.36.3

require (
\tk8s.io/kubernetes v1.36.3 // indirect
\thelm.sh/helm/v4 v4.2.4
)
require github.com/pulumi/pulumi/pkg/v3 v3.250.0
"""


def test_versions_are_those_required_not_those_replaced():
    assert programs.pinned_versions(GO_MOD) == {
        "k8s.io/kubernetes": "v1.36.3",
        "helm.sh/helm/v4": "v4.2.4",
        "github.com/pulumi/pulumi/pkg/v3": "v3.250.0",
    }


def test_programs_that_ask_for_their_version_are_told():
    flags = programs.link_flags({"helm.sh/helm/v4": "v4.2.4", "example.test/other": "v1.0.0"})
    assert flags == "-s -w -X helm.sh/helm/v4/internal/version.version=v4.2.4"


@pytest.mark.parametrize("module", [programs.NODE, programs.JUDGES], ids=lambda module: module.folder.name)
def test_every_program_is_of_a_pinned_module(module):
    pinned = programs.pinned_versions((module.folder / "go.mod").read_text())
    for package in module.programs.values():
        assert package.startswith("./") or any(package == name or package.startswith(name + "/") for name in pinned), package


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("go.etcd.io/etcd/server/v3", "server"),
        ("k8s.io/kubernetes/cmd/kubelet", "kubelet"),
        ("github.com/coredns/coredns", "coredns"),
        ("./pause", "pause"),
    ],
)
def test_go_names_a_program_after_its_package(package, file):
    assert programs.program_file(package) == file


def test_no_two_programs_have_the_same_file():
    files = [programs.program_file(package) for package in programs.NODE.programs.values()]
    assert len(files) == len(set(files))


def test_a_version_compares_by_its_numbers():
    assert programs.version_key("1.26.10") > programs.version_key("1.26.8")
    assert programs.version_key("1.27rc1") > programs.version_key("1.26.8")


def test_a_fingerprint_changes_with_content_name_and_words(tmp_path):
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_text("x")
    other.write_text("x")
    first = programs.fingerprint([file], "w")
    assert first == programs.fingerprint([file], "w")
    assert len({first, programs.fingerprint([other], "w"), programs.fingerprint([file], "v")}) == 3
    file.write_text("y")
    assert programs.fingerprint([file], "w") != first


def test_a_module_is_built_once_and_anew_when_its_versions_change(tmp_path: Path):
    places = Places(cache=tmp_path / "cache")
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "go.mod").write_text(GO_MOD)
    module = programs.GoModule(folder, {"helm": "helm.sh/helm/v4/cmd/helm"})
    assert not programs.is_built(module, places)
    places.programs.mkdir(parents=True)
    (places.programs / "helm").touch()
    programs.remember(module, places)
    assert programs.is_built(module, places)
    (folder / "go.mod").write_text(GO_MOD.replace("v4.2.4", "v4.2.5"))
    assert not programs.is_built(module, places)
    (folder / "go.mod").write_text(GO_MOD)
    (places.programs / "helm").unlink()
    assert not programs.is_built(module, places), "a program was removed from the cache"
