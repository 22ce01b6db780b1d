"""What helm makes of the charts with several sets of values. Needs helm, no cluster."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from scaleproof.runtime.redis import find_redis
from tests.cluster.charts.helm import CHARTS, VALUES, helm, rendered, values_file

EVERY = pytest.mark.parametrize("case", sorted(VALUES))


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == kind]


def pods_of(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pod spec of everything that has one."""
    templates = [each["spec"]["template"]["spec"] for each in objects if "template" in each.get("spec", {})]
    return templates + [each["spec"] for each in of_kind(objects, "Pod")]


def config_of(objects: list[dict[str, Any]]) -> dict[str, str]:
    (found,) = [each["data"] for each in of_kind(objects, "ConfigMap") if "server.conf" in each["data"]]
    return found


@EVERY
def test_lint_is_strict(tmp_path: Path, case: str) -> None:
    values = values_file(tmp_path, VALUES[case])
    done = helm("lint", "--strict", "--values", str(values), str(CHARTS / VALUES[case]["chart"]))
    assert done.returncode == 0, done.stdout + done.stderr


@EVERY
def test_every_pod_is_restricted(tmp_path: Path, case: str) -> None:
    pods = pods_of(rendered(tmp_path, VALUES[case]))
    assert pods
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"] + pod.get("initContainers", []):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["runAsUser"] > 10_000
            assert set(container["resources"]["requests"]) >= {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@EVERY
def test_no_secret_is_made_and_no_liveness_probe_asks_for_work(tmp_path: Path, case: str) -> None:
    objects = rendered(tmp_path, VALUES[case])
    assert not of_kind(objects, "Secret")
    for pod in pods_of(objects):
        for container in pod["containers"]:
            probe = container.get("livenessProbe")
            assert probe is None or ("tcpSocket" in probe and probe["periodSeconds"] * probe["failureThreshold"] >= 60)


@EVERY
def test_everything_is_named_after_the_release_in_its_namespace(tmp_path: Path, case: str) -> None:
    objects = rendered(tmp_path, VALUES[case])
    prefix = VALUES[case].get("fullnameOverride", f"shop-{VALUES[case]['chart']}")
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))
    assert all(name.startswith(prefix) for _, name in names)
    assert {each["metadata"]["namespace"] for each in objects} == {"live"}


@EVERY
def test_every_mount_has_its_volume_and_no_mount_lies_in_another(tmp_path: Path, case: str) -> None:
    objects = rendered(tmp_path, VALUES[case])
    claims = {
        claim["metadata"]["name"]
        for each in of_kind(objects, "StatefulSet")
        for claim in each["spec"].get("volumeClaimTemplates", [])
    }
    for pod in pods_of(objects):
        volumes = {volume["name"] for volume in pod.get("volumes", [])} | claims
        for container in pod["containers"] + pod.get("initContainers", []):
            paths = sorted(mount["mountPath"] for mount in container["volumeMounts"])
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert not any(b.startswith(a + "/") for a, b in itertools.pairwise(paths))


@EVERY
def test_each_pod_has_a_network_policy_and_a_disruption_budget(tmp_path: Path, case: str) -> None:
    objects = rendered(tmp_path, VALUES[case])
    for owner in of_kind(objects, "StatefulSet") + of_kind(objects, "Deployment"):
        labels = owner["spec"]["template"]["metadata"]["labels"].items()
        for kind, selector in (("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")):
            assert any(each["spec"][selector]["matchLabels"].items() <= labels for each in of_kind(objects, kind)), kind
        assert owner["spec"]["selector"]["matchLabels"].items() <= labels


@pytest.mark.parametrize(
    ("limit", "percent", "expected"),
    [
        ("128Mi", 70, 93_952_409),
        ("1.5Gi", 60, 966_367_641),
        ("1G", 75, 750_000_000),
        ("500000k", 70, 350_000_000),
        ("134217728", 75, 100_663_296),
    ],
)
def test_maxmemory_is_a_share_of_the_limit(tmp_path: Path, limit: str, percent: int, expected: int) -> None:
    values = {"chart": "redis", "maxmemoryPercent": percent, "resources": {"limits": {"memory": limit}}}
    assert f"\nmaxmemory {expected}\n" in config_of(rendered(tmp_path, values))["server.conf"]


@pytest.mark.parametrize(("role", "policy"), [("cache", "allkeys-lru"), ("state", "noeviction")])
def test_the_role_decides_what_happens_when_it_is_full(tmp_path: Path, role: str, policy: str) -> None:
    assert f"\nmaxmemory-policy {policy}\n" in config_of(rendered(tmp_path, {"chart": "redis", "role": role}))["server.conf"]


def test_words_that_yaml_takes_for_booleans_are_the_servers_alone(tmp_path: Path) -> None:
    values = VALUES["redis-tls-acl"] | {"persistence": {"appendfsync": "never"}}
    text = config_of(rendered(tmp_path, values))["server.conf"]
    assert "\ntls-auth-clients yes\n" in text
    assert "\nappendfsync no\n" in text


def test_the_password_reaches_only_the_container_that_hashes_it(tmp_path: Path) -> None:
    (owner,) = of_kind(rendered(tmp_path, VALUES["redis"]), "StatefulSet")
    pod = owner["spec"]["template"]["spec"]
    holders = [
        each["name"]
        for each in pod["containers"] + pod["initContainers"]
        if "auth" in {m["name"] for m in each["volumeMounts"]}
    ]
    assert holders == ["prepare"]
    assert "secretKeyRef" not in str(owner)


def test_a_changed_configuration_rolls_the_pod_and_nothing_else_does(tmp_path: Path) -> None:
    def checksum(values: dict[str, Any]) -> str:
        (owner,) = of_kind(rendered(tmp_path, {"chart": "redis", **values}), "StatefulSet")
        return owner["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum({}) == checksum({"service": {"annotations": {"a": "b"}}})
    assert checksum({}) != checksum({"role": "state"})


def test_load_leaves_the_cluster_only_where_it_is_said(tmp_path: Path) -> None:
    def egress(case: str) -> list[dict[str, Any]]:
        objects = rendered(tmp_path, VALUES[case])
        (policy,) = [each for each in of_kind(objects, "NetworkPolicy") if each["metadata"]["name"].endswith("-worker")]
        return policy["spec"]["egress"]

    assert egress("locust")[2:] == [{"to": [{"namespaceSelector": {}}]}]
    assert egress("locust-everything")[2:] == VALUES["locust-everything"]["networkPolicy"]["targets"]


def test_commands_of_the_modes(tmp_path: Path) -> None:
    def commands(case: str) -> list[str]:
        owners = of_kind(rendered(tmp_path, VALUES[case]), "Deployment")
        return [" ".join(each["spec"]["template"]["spec"]["containers"][0]["command"]) for each in owners]

    assert commands("locust-plain") == [
        "locust --locustfile /locust/locustfile.py --master",
        "locust --locustfile /locust/locustfile.py --worker --master-host shop-locust-master",
    ]
    assert commands("locust-autostart")[0] == (
        "locust --locustfile /locust/main.py,/exporter/exporter.py --master --host http://gateway.shop.svc "
        "--autostart --expect-workers 2 --users 50 --spawn-rate 2.5"
    )
    assert commands("locust-standby") == ["python3 -m scaleproof.load.stand_by"] * 2


def test_locustfiles_keep_their_folders_and_their_text(tmp_path: Path) -> None:
    objects = rendered(tmp_path, VALUES["locust-autostart"])
    (data,) = [each["data"] for each in of_kind(objects, "ConfigMap") if each["metadata"]["name"] == "shop-locust-locustfiles"]
    assert data["journeys__a.py"].strip() == "A = '{{ not a template }}'"
    volume = next(
        v for v in of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]["volumes"] if v["name"] == "locustfiles"
    )
    assert {"key": "journeys__a.py", "path": "journeys/a.py"} in volume["configMap"]["items"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"chart": "redis", "role": "queue"}, "value must be one of 'cache', 'state'"),
        ({"chart": "redis", "auth": {"password": "open"}}, "additional properties 'password' not allowed"),
        ({"chart": "redis", "maxmemoryPercent": 90}, "maximum: got 90, want 75"),
        ({"chart": "locust", "mode": "standby"}, "mode standby needs an image with scaleproof installed"),
        ({"chart": "locust", "worker": {"replicas": 0}}, "minimum: got 0, want 1"),
    ],
)
def test_wrong_values_stop_helm_with_their_reason(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    done = helm("template", "shop", str(CHARTS / values["chart"]), "--values", str(values_file(tmp_path, values)))
    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.parametrize("case", [name for name in sorted(VALUES) if name.startswith("redis") and "tls" not in name])
def test_a_real_server_takes_the_configuration(tmp_path: Path, case: str) -> None:
    data = config_of(rendered(tmp_path, VALUES[case]))
    for name in ("redis", "exporter", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "password").write_text("known")
    environment = {"PATH": os.environ["PATH"], "PASSWORD_FILE": str(tmp_path / "password"), "EXPORTER_ADDRESS": "redis://x"}
    subprocess.run(["sh", "-c", data["prepare.sh"].replace("/run/", f"{tmp_path}/")], env=environment, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = data["server.conf"].replace("bind * -::*", "bind 127.0.0.1").replace("/run/redis", f"{tmp_path}/redis")
    text = text.replace("dir /data", f"dir {tmp_path}/data") + f"\nport {port}\n"
    (tmp_path / "server.conf").write_text(text)
    server = subprocess.Popen([str(find_redis()), str(tmp_path / "server.conf")], stdout=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 2) as client:
                    client.sendall(b"AUTH known\r\nCONFIG GET maxmemory-policy\r\n")
                    time.sleep(0.2)
                    answer = client.recv(4096).decode()
                break
            except OSError:
                assert server.poll() is None, server.stdout.read()
                assert time.monotonic() < until
                time.sleep(0.05)
    finally:
        server.terminate()
        server.communicate(timeout=10)
    assert answer.startswith("+OK\r\n")
    assert ("noeviction" if VALUES[case].get("role") == "state" else "allkeys-lru") in answer
