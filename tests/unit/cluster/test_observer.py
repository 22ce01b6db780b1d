from __future__ import annotations

import pytest

from fakes.kube_api_server import SPACE, FakeKube
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.observer import Observer, Watched, _window_seconds
from scaleproof.cluster.recording import Recording
from scaleproof.telemetry.tables import TABLES

DEPLOYMENT = f"/apis/apps/v1/namespaces/{SPACE}/deployments/alpha"
WATCHED = Watched(SPACE, {"alpha": 8000, "beta": 8000}, gateway_namespace="gw", gateway_labels="app=envoy")


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def observer(services: FakeKube, api: KubeApi, recording: Recording, clock):
    made = Observer(api, WATCHED, recording, parse_gateway=lambda _: {"alpha": [(0.1, 3), (float("inf"), 4)]}, clock=clock)
    yield made
    made.close()


def look(observer: Observer, clock, seconds: int = 1) -> None:
    for _ in range(seconds):
        observer.look(clock())
        clock.now += 1


def test_a_replicas_life(services: FakeKube, observer: Observer, recording: Recording, clock) -> None:
    begun = clock()
    services.start_seconds = 2.0
    look(observer, clock)
    services.change(DEPLOYMENT, {"spec": {"replicas": 2}})
    look(observer, clock, 5)
    services.change(DEPLOYMENT, {"spec": {"replicas": 1}})
    look(observer, clock, 2)
    tables = recording.between(begun, clock())
    assert list(tables["replicas"].columns) == TABLES["replicas"].names
    alpha = tables["replicas"][tables["replicas"]["service"] == "alpha"]
    newest = alpha.groupby("replica")["time_s"].min().idxmax()
    assert alpha[alpha["replica"] == newest]["state"].tolist() == ["starting"] * 2 + ["ready"] * 3
    events = tables["events"][tables["events"]["replica"] == newest]
    assert list(zip(events["kind"], events["time_s"], strict=True)) == [("created", 1.0), ("ready", 3.0), ("stopped", 6.0)]


def test_a_replica_that_is_asked_to_go_a_crash_and_a_full_memory(services: FakeKube, observer, recording, clock) -> None:
    begun = clock()
    look(observer, clock)
    (pod, *_) = services.pods(SPACE)
    services._kubelet = lambda pod: None
    services._reconcile = lambda: None
    container = pod["status"]["containerStatuses"][0]
    container |= {"restartCount": 1, "lastState": {"terminated": {"reason": "OOMKilled"}}}
    look(observer, clock)
    container |= {"restartCount": 2, "lastState": {"terminated": {"reason": "Error"}}}
    pod["metadata"] |= {"deletionTimestamp": services._stamp(clock() + 30), "deletionGracePeriodSeconds": 30}
    look(observer, clock)
    events = recording.between(begun, clock())["events"]
    kinds = events[events["replica"] == pod["metadata"]["name"]]["kind"].tolist()
    assert kinds == ["created", "ready", "oom_killed", "restarted", "draining", "crashed", "restarted"]
    assert recording.between(begun, clock())["replicas"]["state"].iloc[-2:].tolist().count("draining") == 1


def test_the_processes_own_counter_is_finer_than_the_kubelets(services: FakeKube, observer, recording, clock) -> None:
    begun = clock()
    look(observer, clock)
    name = next(pod["metadata"]["name"] for pod in services.pods(SPACE) if "alpha" in pod["metadata"]["name"])
    services.texts[f"/api/v1/namespaces/{SPACE}/pods/{name}:8000/proxy/metrics"] = lambda: (
        f"process_cpu_seconds_total {0.25 * (clock() - begun)}\nprocess_resident_memory_bytes 1000\n"
    )
    kubelet = 'container_cpu_usage_seconds_total{{container="alpha",namespace="{space}",pod="{pod}"}} {value}\n'
    services.texts["/api/v1/nodes/node-1/proxy/metrics/cadvisor"] = lambda: (
        kubelet.format(space=SPACE, pod=name, value=0.7 * (clock() - begun))
        + f'container_cpu_usage_seconds_total{{container="",id="/"}} {1.5 * (clock() - begun)}\nmachine_cpu_cores 2\n'
        + f'container_memory_working_set_bytes{{container="alpha",namespace="{SPACE}",pod="{name}"}} 2000\n'
    )
    look(observer, clock, 12)
    tables = recording.between(begun + 5, begun + 12)
    rows = tables["replicas"][tables["replicas"]["replica"] == name]
    assert rows["cpu_cores"].tolist() == pytest.approx([0.25] * len(rows))
    assert rows["memory_bytes"].isin([1000, 2000]).all()
    assert tables["host"]["cpu_share"].dropna().tolist() == pytest.approx([0.75] * len(tables["host"]["cpu_share"].dropna()))


def test_without_either_metrics_servers_windows_are_used_and_kept(services: FakeKube, observer, recording, clock) -> None:
    begun = clock()
    look(observer, clock)
    name = next(pod["metadata"]["name"] for pod in services.pods(SPACE) if "alpha" in pod["metadata"]["name"])
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{SPACE}/pods/{name}"

    def measured(cores: str) -> None:
        containers = [{"name": "alpha", "usage": {"cpu": cores, "memory": "50Mi"}}]
        entry = {"kind": "PodMetrics", "metadata": {"name": name}, "timestamp": services._stamp(), "window": "10.000s"}
        services.objects[path] = {**entry, "containers": containers}

    clock.now += 10
    measured("100m")
    look(observer, clock, 4)
    clock.now += 11
    measured("300m")
    look(observer, clock, 4)
    samples = recording.metric_samples(begun, clock())
    assert samples["cpu_cores"].tolist() == [0.1, 0.3]
    assert (samples["time_s"] - samples["sampled_s"]).between(0, 4).all()
    rows = recording.between(clock() - 3, clock())["replicas"]
    assert rows[rows["replica"] == name]["cpu_cores"].tolist() == pytest.approx([0.3] * 3)


def test_decisions_once_a_change_of_the_status(services: FakeKube, observer, recording, clock) -> None:
    begun = clock()
    path = f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers/alpha"
    conditions = [{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": "fine"}]
    services.change(path, {"status": {"currentReplicas": 1, "desiredReplicas": 1, "conditions": conditions}})
    look(observer, clock, 3)
    services.change(path, {"status": {"desiredReplicas": 3}})
    look(observer, clock, 2)
    decisions = recording.between(begun, clock())["decisions"]
    assert decisions[["time_s", "current_replicas", "desired_replicas"]].to_numpy().tolist() == [[0, 1, 1], [3, 1, 3]]


def test_warnings_and_rescales_are_events(services: FakeKube, observer, recording, clock) -> None:
    begun = clock()
    services.event(SPACE, "SuccessfulRescale", "New size: 3", {"kind": "HorizontalPodAutoscaler", "name": "alpha"}, "Normal")
    services.event(SPACE, "Unhealthy", "Readiness probe failed", {"kind": "Pod", "name": "alpha-1"})
    services.event(SPACE, "Scheduled", "no news", {"kind": "Pod", "name": "alpha-1"}, "Normal")
    look(observer, clock, 5)
    events = recording.between(begun, clock())["events"]
    told = events[events["kind"].isin(["rescaled", "warning"])]
    assert told[["kind", "component", "message"]].to_numpy().tolist() == [
        ["rescaled", "alpha", "SuccessfulRescale: New size: 3"],
        ["warning", "alpha-1", "Unhealthy: Readiness probe failed"],
    ]


def test_the_gateways_proxies_are_added_up(services: FakeKube, observer, recording, clock) -> None:
    begun = clock()
    for name in ("envoy-1", "envoy-2"):
        services.put(f"/api/v1/namespaces/gw/pods/{name}", {"metadata": {"name": name, "labels": {"app": "envoy"}}})
        services.texts[f"/api/v1/namespaces/gw/pods/{name}:19001/proxy/stats/prometheus"] = "statistics"
    look(observer, clock)
    gateway = recording.between(begun, clock())["gateway"]
    assert gateway["count"].tolist() == [6, 8]
    assert recording.groups["envoy-1"] == "gateway"


def test_a_cluster_that_stops_answering_is_remembered_and_seen_again(services: FakeKube, observer, recording) -> None:
    import time

    services.denied.add(f"/api/v1/namespaces/{SPACE}/pods")
    observer.start()
    deadline = time.monotonic() + 10
    while observer.failure is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "cannot get" in str(observer.failure)
    services.denied.clear()
    while observer.failure is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert observer.failure is None


def test_windows_as_go_writes_them() -> None:
    assert [_window_seconds(text) for text in ("15.029s", "1m0s", "2m10.5s", "0s")] == [15.029, 60.0, 130.5, 0.0]


def test_nothing_seen_is_empty_tables() -> None:
    empty = Recording().between(0, 10)
    assert all(frame.empty for frame in empty.values())
    assert Recording().metric_samples(0, 1).empty
