"""The whole reference platform on a real cluster, through the real engine: up, drift, changes under load, the loop, down.

The tests share one platform and run in this order.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from cluster.conftest import pulumi_settings
from cluster.reference_stack import NAMESPACE, ReferenceStack
from recordings.recording import distil
from recordings.replay import line, replay

from scaleproof.cluster.recording import METRIC_COLUMNS
from scaleproof.telemetry.cost import replica_counts
from scaleproof.telemetry.run import Run, read_run
from scaleproof.tuner.results import Proof, read_proof
from scripts.cluster.engine import attached

pytestmark = pytest.mark.timeout(1500)
LOG = logging.getLogger(__name__)
OVERLOAD = "http 503, retry later"
"""A replica that is full says so itself: that is too few replicas, and not what a change does."""


def wait_for(words: str, stack: ReferenceStack, verb: subprocess.Popen[str], seconds: float = 150) -> None:
    """Until the verb's progress has said that."""
    deadline = time.monotonic() + seconds
    while words not in stack.progress:
        assert verb.poll() is None, stack.progress
        assert time.monotonic() < deadline, stack.progress
        time.sleep(0.2)


@pytest.fixture(scope="module")
def stack(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceStack]:
    folder = tmp_path_factory.mktemp("reference")
    with attached({**os.environ, **pulumi_settings(folder), "KUBECONFIG": str(kubeconfig)}) as environment:
        made = ReferenceStack(folder / "project", environment)
        yield made
        made.scaleproof("down")


def test_an_interrupted_up_says_how_to_go_on_and_the_next_one_does(stack: ReferenceStack) -> None:
    up = stack.start("up")
    wait_for("created Namespace", stack, up)
    begun = time.monotonic()
    up.send_signal(signal.SIGINT)
    _, err = stack.ended(up, expect=(130,), timeout=60)
    LOG.info("an interrupted up ended after %.1f s", time.monotonic() - begun)
    assert err.rstrip().endswith("interrupted")
    assert "partly up: `scaleproof up --target kube --stack cluster` goes on from here" in err
    assert not list(stack.state.rglob("locks/**/*.json"))


def test_without_metrics_the_next_up_says_so(stack: ReferenceStack) -> None:
    path = "apiservice/v1beta1.metrics.k8s.io"
    served = json.loads(stack.kubectl("get", path, "-o", "json"))
    stack.kubectl("delete", path)
    begun = time.monotonic()
    try:
        _, err = stack.scaleproof("up", expect=(3,), timeout=60)
    finally:
        kept = {"apiVersion": served["apiVersion"], "kind": served["kind"], "metadata": {"name": served["metadata"]["name"]}}
        stack.apply({**kept, "spec": served["spec"]})
    LOG.info("no metrics-server: said after %.1f s", time.monotonic() - begun)
    assert "no metrics-server" in err
    assert "install it" in err
    stack.kubectl("wait", "--for=condition=Available", path, "--timeout=60s")


def test_up_and_users_are_served(stack: ReferenceStack) -> None:
    out, err = stack.scaleproof("up")
    assert "up: http://reference-cluster-gateway.envoy-gateway-system.svc.cluster.local:8080" in err
    assert "scaleproof down --target kube" in out
    assert stack.get("/api/v1/orders")[0] == 401
    token, deadline = stack.token(), time.monotonic() + 30
    while stack.get("/api/v1/orders", token)[0] == 401:
        assert time.monotonic() < deadline, "the gateway has identity's keys soon after its first replica"
        time.sleep(0.5)
    # The dashboard asks orders in the caller's name; both have identity's keys and revocations by then.
    for path in ("/api/v1/orders", "/api/v1/dashboard/overview"):
        status, body = stack.get(path, token)
        assert status == 200, body
        assert json.loads(body)
    state = json.loads(stack.scaleproof("status", "--json")[0])
    assert {name: service["ready"] for name, service in state["services"].items()} == dict.fromkeys(
        ("identity", "orders", "dashboard"), 1
    )
    assert all(component["ready"] for component in state["components"])
    assert "== orders-" in stack.scaleproof("logs", "orders", "--lines", "3")[0]


def test_a_second_up_changes_nothing_and_drift_is_shown(stack: ReferenceStack) -> None:
    assert "no changes" in stack.scaleproof("preview", "--refresh")[0]
    stack.patch("horizontalpodautoscaler", "orders", {"spec": {"maxReplicas": 9}})
    drifted, _ = stack.scaleproof("preview", "--refresh", expect=(1,))
    assert "HorizontalPodAutoscaler" in drifted
    assert "Deployment" not in drifted
    # Whoever edited it owns the field now: that is said, and not overridden.
    assert "HorizontalPodAutoscaler" in stack.scaleproof("refresh", expect=(1,))[0]
    _, refused = stack.scaleproof("up", expect=(3,))
    assert "somebody else owns fields that the stack sets" in refused
    assert ".spec.maxReplicas" in refused
    stack.patch("horizontalpodautoscaler", "orders", {"spec": {"maxReplicas": 6}})
    stack.scaleproof("refresh", expect=(1,))
    stack.scaleproof("up")
    assert "no changes" in stack.scaleproof("preview", "--refresh")[0]


def test_rolling_out_and_scaling_under_load_fail_no_request(stack: ReferenceStack) -> None:
    rates = stack.folder / "flat.csv"
    rates.write_text("second,rate\n" + "".join(f"{second},30\n" for second in range(150)))
    load = stack.start("load", "--shape", f"replay:{rates}", "--label", "changes")
    wait_for("requests/s", stack, load)
    stack.patch("horizontalpodautoscaler", "orders", {"spec": {"minReplicas": 3}})
    stack.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/orders", "deployment/dashboard")
    stack.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/orders", "--timeout=100s")
    time.sleep(10)
    stack.patch(
        "horizontalpodautoscaler",
        "orders",
        {"spec": {"minReplicas": 1, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}},
    )
    stack.ended(load, expect=(0, 1, 3))
    run = stack.last_run()
    counts = replica_counts(run, "orders")
    assert counts["total"].max() >= 3
    assert counts["total"].iloc[-1] < counts["total"].max()
    failed = run.requests[~run.requests["ok"]]
    changes = failed[failed["error"] != OVERLOAD]
    assert changes.groupby(["status", "error"]).size().to_dict() == {}, "no reset, no 502, no 503, no timeout"
    assert len(failed) < 0.02 * len(run.requests)
    shares = shares_of_new_replicas(run)
    LOG.info("new replicas did %s of the mean share within 15 s", shares)
    assert shares
    assert min(shares.values()) >= 0.5
    stack.patch("horizontalpodautoscaler", "orders", {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}})
    stack.scaleproof("refresh", expect=(0, 1))
    stack.scaleproof("up")


def shares_of_new_replicas(run: Run) -> dict[str, float]:
    """What each replica that got ready under load did in its first 15 s, by CPU, relative to the mean of its service's."""
    found = {}
    for event in run.events[
        (run.events["kind"] == "ready") & (run.events["time_s"] < run.meta.duration_seconds - 16)
    ].itertuples():
        ages = run.replicas["time_s"] - event.time_s
        rows = run.replicas[
            (run.replicas["service"] == event.component) & (run.replicas["state"] == "ready") & ages.between(1, 15)
        ]
        cores = rows.groupby("replica")["cpu_cores"].agg(["mean", "count"])
        if event.replica in cores.index and cores.loc[event.replica, "count"] >= 13 and len(cores) > 1:
            found[event.replica] = float(cores.loc[event.replica, "mean"] / cores["mean"].mean())
    return found


def judge_as_recordings(proof: Proof, folders: list[Path]) -> None:
    """The simulator beside the real autoscaler of just now. A 90 % interval misses one in ten: what is asked here is less."""
    unknown = pd.DataFrame(columns=list(METRIC_COLUMNS))
    for folder in folders:
        for each in replay(distil(read_run(folder), unknown, folder.name), proof.calibration):
            LOG.info("%s", line(each))
            assert 0.8 * each.of_any_phase.low <= each.replica_seconds <= 1.2 * each.of_any_phase.high, line(each)


def test_the_loop_with_ten_thousand_users(stack: ReferenceStack) -> None:
    options = ("--users", "10000", "--shape", "spike", "--indicative", "--max-window", "60")
    _, progress = stack.scaleproof("prove", *options, expect=(0, 1, 3), timeout=1400)
    folder = (stack.folder / "runs/latest").resolve()
    proof = read_proof(folder / "proof.json")
    assert (folder / "report.html").exists()
    before = read_run(folder / proof.verdict.runs[0].folder)
    counts = replica_counts(before, "orders")
    assert counts["total"].iloc[0] == 1, "one at first"
    assert counts["total"].max() >= 2, "more under the spike"
    assert counts["total"].iloc[-1] == 1, "one afterwards"
    assert min(shares_of_new_replicas(before).values()) >= 0.5
    assert before.meta.users == 10_000
    assert len(before.requests) > 0.95 * len(before.schedule)
    judge_as_recordings(proof, [folder / each.folder for each in proof.verdict.runs])
    if proof.tuning.changed:
        changed = {line.split()[-4] for line in progress.splitlines() if "] updated " in line}
        assert changed <= {"HorizontalPodAutoscaler", "Deployment"}, "a tuned policy changes nothing else"
    if proof.in_force == "after":
        assert stack.stack_file.read_text() != (Path(__file__).parents[2] / stack.stack_file.name).read_text()
    assert "no changes" in stack.scaleproof("preview", "--refresh")[0]


def test_down_leaves_nothing(stack: ReferenceStack) -> None:
    stack.scaleproof("down")
    left = stack.kubectl("get", "namespaces", "-o", "name").split()
    assert not [name for name in left if NAMESPACE in name]
    assert stack.scaleproof("status", expect=(1,))[0].startswith("stack cluster does not run")
    assert "was not up" in stack.scaleproof("down")[0]
