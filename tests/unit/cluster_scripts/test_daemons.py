"""What the daemons are told."""

from __future__ import annotations

import ipaddress
import json
import tomllib
from pathlib import Path

import pytest

from scripts.cluster import daemons
from scripts.cluster.addons import disks
from scripts.cluster.cluster import write_configuration
from scripts.cluster.debian import missing
from scripts.cluster.node import network_commands, remove_cgroup
from scripts.cluster.places import API_SERVICE_ADDRESS, DNS_ADDRESS, NODE_ADDRESS, POD_RANGE, SERVICE_RANGE, Places

PLACES = Places(cache=Path("/cache"))
BENCHMARKS = ipaddress.ip_network("198.18.0.0/15")


def test_flags_are_written_as_go_reads_them():
    assert daemons.flags("etcd", {"a": 1, "b": True, "c": False}) == ["etcd", "--a=1", "--b=true", "--c=false"]


def test_every_address_is_of_the_benchmarking_range_and_services_lie_in_theirs():
    assert all(ipaddress.ip_network(text).subnet_of(BENCHMARKS) for text in (POD_RANGE, SERVICE_RANGE, f"{NODE_ADDRESS}/32"))
    assert not ipaddress.ip_network(POD_RANGE).overlaps(ipaddress.ip_network(SERVICE_RANGE))
    assert all(ipaddress.ip_address(text) in ipaddress.ip_network(SERVICE_RANGE) for text in (DNS_ADDRESS, API_SERVICE_ADDRESS))


def test_both_ends_of_the_only_link_stay_in_the_namespace():
    links = [words for words in network_commands() if words[:2] == ["link", "add"]]
    assert links == [["link", "add", "node0", "type", "veth", "peer", "name", "nowhere0"]]
    assert not any("netns" in words for words in network_commands())


def test_the_api_server_authorises_and_verifies():
    command = daemons.api_server(PLACES)
    assert "--authorization-mode=Node,RBAC" in command
    assert "--allow-privileged=false" in command
    assert "--kubelet-certificate-authority=/cache/state/certificates/ca.crt" in command
    assert not any("insecure" in word or "anonymous" in word for word in command)


def test_the_hpa_controller_keeps_upstreams_defaults():
    assert not any("horizontal-pod-autoscaler" in word for word in daemons.controller_manager(PLACES))


def test_the_kubelet_never_collects_images_and_asks_before_it_answers():
    configuration = daemons.kubelet_configuration(PLACES)
    assert configuration["imageGCHighThresholdPercent"] == 100
    assert configuration["authorization"] == {"mode": "Webhook"}
    assert configuration["authentication"]["anonymous"] == {"enabled": False}
    assert configuration["cgroupRoot"] == "/scaleproof-cluster"


def test_containerd_does_what_this_kind_of_machine_needs():
    configuration = tomllib.loads(daemons.containerd_configuration(PLACES))
    interface = configuration["plugins"]["io.containerd.grpc.v1.cri"]
    assert interface["restrict_oom_score_adj"] is True
    assert interface["cni"]["conf_dir"] == "/cache/state/configuration/cni"
    assert configuration["root"] == "/cache/containerd"


def test_every_file_a_daemon_is_pointed_at_is_written(tmp_path):
    places = Places(cache=tmp_path)
    (places.configuration / "cni").mkdir(parents=True)
    write_configuration(places)
    commands = [
        daemons.controller_manager(places),
        daemons.scheduler(places),
        daemons.containerd(places),
        daemons.kubelet(places),
    ]
    commands.append(daemons.kube_proxy(places))
    named = [word.split("=")[-1] for command in commands for word in command if str(places.configuration) in word]
    assert len(named) >= 9
    assert all(Path(name).exists() for name in named)
    network = json.loads((places.configuration / "cni" / "10-pods.conflist").read_text())
    assert network["plugins"][0]["ipam"]["ranges"] == [[{"subnet": POD_RANGE}]]


def test_missing_packages_are_those_not_fully_installed():
    listed = "runc installed\nbuildah config-files\nnftables installed\n"
    assert missing(listed, ["runc", "buildah", "containerd"]) == ["buildah", "containerd"]


def test_disks_are_of_the_default_class_and_lie_below_the_state():
    storage_class, *volumes = json.loads(disks(PLACES))["items"]
    assert storage_class["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert {volume["spec"]["storageClassName"] for volume in volumes} == {storage_class["metadata"]["name"]}
    assert all(volume["spec"]["local"]["path"].startswith("/cache/state/disks/") for volume in volumes)


def test_a_cgroup_that_stays_is_named(tmp_path):
    (tmp_path / "busy" / "child").mkdir(parents=True)
    with pytest.raises(Exception, match="busy cannot be removed"):
        remove_cgroup(tmp_path / "busy", deadline=0)
