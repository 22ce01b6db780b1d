"""Images and the manifests that name them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scripts.cluster import images
from scripts.cluster.addons import MANIFESTS, manifest
from scripts.cluster.places import DNS_ADDRESS, NODE_ADDRESS, PROJECT, Places

PLACES = Places(cache=Path("/cache"))
NAMES = sorted(file.stem for file in MANIFESTS.glob("*.yaml"))


def objects(name: str) -> list[dict]:
    return list(YAML(typ="safe").load_all(manifest(name, dns_address=DNS_ADDRESS, node_address=NODE_ADDRESS)))


def pods() -> list[tuple[str, dict]]:
    return [
        (item["metadata"]["name"], item["spec"]["template"]["spec"])
        for name in NAMES
        for item in objects(name)
        if item["kind"] == "Deployment"
    ]


def test_every_pod_runs_an_image_that_is_built_here_and_never_pulled():
    built = {image.reference for image in images.all_images()}
    assert len(pods()) == 3
    for _name, spec in pods():
        for container in spec["containers"]:
            assert container["image"] in built
            assert container["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize(("name", "spec"), pods(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_pod_is_restricted(name, spec):
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"]
        assert container["resources"]["limits"]["memory"]


def test_names_resolve_inside_alone():
    config = next(item for item in objects("coredns") if item["kind"] == "ConfigMap")["data"]["Corefile"]
    assert "forward" not in config
    service = next(item for item in objects("coredns") if item["kind"] == "Service")
    assert service["spec"]["clusterIP"] == DNS_ADDRESS


def test_the_project_has_an_image_for_every_service_and_for_the_load():
    references = [image.reference for image in images.all_images()]
    version = images.project_version((PROJECT / "pyproject.toml").read_text())
    for name in ("identity", "orders", "dashboard", "locust"):
        assert f"docker.io/scaleproof/{name}:{version}" in references


def test_debian_is_built_before_what_rests_on_it():
    every = images.all_images()
    assert every[0].reference == images.DEBIAN_IMAGE
    assert not every[0].base
    assert {image.reference.split("/")[-1].split(":")[0] for image in every if image.base} >= {"orders", "postgres", "valkey"}


@pytest.mark.parametrize("file", sorted(PROJECT.glob("*/Dockerfile")) + sorted(images.RECIPES.glob("*.Dockerfile")), ids=str)
def test_no_image_runs_as_root_or_takes_a_secret(file):
    last = file.read_text().rsplit("\nFROM ", 1)[-1]
    if file.name != "debian.Dockerfile":
        assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", last, re.MULTILINE)
    assert not re.search(r"INDEX_URL|PASSWORD=|TOKEN", last)


def test_an_image_is_made_anew_when_a_source_changes_but_not_when_python_compiles_it(tmp_path):
    (tmp_path / "a.py").write_text("1")

    def archive() -> Path:
        return images.Image(reference="scaleproof.test/a:latest", dockerfile="FROM scratch", sources=[tmp_path]).archive(PLACES)

    first = archive()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("compiled")
    assert archive() == first
    (tmp_path / "a.py").write_text("2")
    assert archive() != first


def test_builds_are_told_of_registries_and_nothing_else_of_the_environment():
    arguments = images.registry_arguments({"PIP_INDEX_URL": "https://example.test/simple", "SECRET": "x"})
    assert "PIP_INDEX_URL=https://example.test/simple" in arguments
    assert not any("SECRET" in argument for argument in arguments)


def test_the_entry_point_of_postgres_is_a_shell_script():
    assert subprocess.run(["sh", "-n", images.RECIPES / "postgres-entrypoint"], check=False).returncode == 0


def test_the_entry_point_of_postgres_runs_other_commands_as_they_are():
    script = images.RECIPES / "postgres-entrypoint"
    assert subprocess.run(["sh", script, "echo", "a b"], capture_output=True, text=True, check=True).stdout == "a b\n"
