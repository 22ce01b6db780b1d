from __future__ import annotations

import pytest

from scaleproof.cluster.engine_words import Change, diagnostics, explained, read_change
from scaleproof.cluster.stack_lock import StackLock, lives, read_locks, this_host
from scaleproof.spec.errors import BadInputError, CannotMeasureError

FAILED = """\
Updating (dev):

 +  kubernetes:apps/v1:Deployment orders creating (0s)
    kubernetes:apps/v1:Deployment orders **creating failed** error: resource was not ready
Diagnostics:
  kubernetes:apps/v1:Deployment (orders):
    error: resource "orders" was not successfully created by the Kubernetes API server:
      pods are forbidden
  pulumi:pulumi:Stack (scaleproof-dev):
    error: update failed
Resources:
    1 errored
"""


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (" +  kubernetes:core/v1:Namespace reference-dev creating (0s)", Change("Namespace", "reference-dev", "creating")),
        (" +  kubernetes:core/v1:Namespace reference-dev created (0.01s)", Change("Namespace", "reference-dev", "created")),
        (" ~  kubernetes:autoscaling/v2:HorizontalPodAutoscaler orders updated (1s) [diff: ~spec]",
         Change("HorizontalPodAutoscaler", "orders", "updated")),
        (" +- kubernetes:core/v1:ConfigMap c replaced (0s)", Change("ConfigMap", "c", "replaced")),
        (" -  kubernetes:helm.sh/v3:Release redis deleting (2s)", Change("Release", "redis", "deleting")),
        (" ~  kubernetes:apps/v1:Deployment orders update [diff: ~spec]", Change("Deployment", "orders", "update")),
        ("@ updating.....", None),
        ("    1 unchanged", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_line_of_progress(line: str, change: Change | None) -> None:
    assert read_change(line) == change


def test_only_what_is_over_is_done() -> None:
    assert Change("Namespace", "n", "created").done
    assert not Change("Namespace", "n", "creating").done
    assert str(Change("Namespace", "n", "created")) == "created Namespace n"


def test_diagnostics_without_the_frame() -> None:
    assert diagnostics(FAILED) == [
        'resource "orders" was not successfully created by the Kubernetes API server: pods are forbidden'
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "where to keep its state"),
        ("error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or", "passphrase"),
        ("error: incorrect passphrase", "is wrong"),
        ("error: no resource plugin 'pulumi-resource-kubernetes' found in the workspace", "provider is not installed"),
    ],
)
def test_ways_in_which_pulumi_is_not_set_up_are_bad_input(words: str, message: str) -> None:
    error = explained("pulumi up", "", words)
    assert isinstance(error, BadInputError)
    assert message in error.message
    assert error.hint


def test_ways_in_which_the_cluster_is_not_as_it_should_be() -> None:
    unreachable = explained("pulumi up", "error: configured Kubernetes cluster is unreachable: dial tcp", "")
    conflict = explained("pulumi up", 'error: Server-Side Apply field conflict: conflict with "kubectl-edit"', "")
    plain = explained("pulumi up", FAILED, "")
    silent = explained("pulumi up", "one\n\ntwo\n", "")
    assert all(isinstance(error, CannotMeasureError) for error in (unreachable, conflict, plain, silent))
    assert "pods are forbidden" in plain.message
    assert "one two" in silent.message
    assert "printed nothing" in explained("pulumi up", "", "").message


def test_locks_that_the_engine_names() -> None:
    words = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file\n"
        "  file:///s/.pulumi/locks/organization/p/dev/4.json?no_tmp_dir=true: created by root@vm (pid 10121) at 2026-11-24T00:01:02Z"
    )
    (lock,) = read_locks(words)
    assert lock == StackLock("root", "vm", 10121, "2026-11-24T00:01:02Z")
    assert lock.is_abandoned("vm", lambda _: False)
    assert not lock.is_abandoned("vm", lambda _: True)
    assert not lock.is_abandoned("other", lambda _: False)
    assert read_locks("nothing") == []
    assert this_host()


def test_who_lives() -> None:
    import os
    import subprocess

    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    assert lives(os.getpid())
    assert not lives(ended.pid)
