"""What a workload says of one replica, and what is guessed where it says nothing."""

from __future__ import annotations

import pytest

from scaleproof.adoption.guesses import Reasons
from scaleproof.adoption.replicas import drain_seconds_of, port_of, readiness_of, resources_of, start_timeout_of
from scaleproof.spec.errors import BadInputError


def amounts(resources):
    """`request/limit` of cpu and memory."""
    return tuple(f"{resources['requests'][name]}/{resources['limits'][name]}" for name in ("cpu", "memory"))


def guessed(told):
    return sorted(".".join(guess.field[3:]) for guess in told.guesses)


@pytest.mark.parametrize(
    ("requests", "limits", "expected", "guesses"),
    [
        ({"cpu": "250m", "memory": "1Gi"}, {"cpu": "1", "memory": "2Gi"}, ("250m/1", "1Gi/2Gi"), []),
        ({"cpu": 0.5, "memory": "64Mi"}, {"cpu": 1, "memory": "64Mi"}, ("0.5/1", "64Mi/64Mi"), []),
        ({}, {"cpu": "1", "memory": "2Gi"}, ("1/1", "2Gi/2Gi"), []),
        ({"cpu": "250m", "memory": "64Mi"}, {}, ("250m/250m", "64Mi/128Mi"), ["limits.cpu", "limits.memory"]),
        ({"cpu": "250m", "memory": "64Mi"}, {"memory": "96Mi"}, ("250m/250m", "64Mi/96Mi"), ["limits.cpu"]),
        ({}, {}, ("100m/100m", "128Mi/256Mi"), ["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]),
        ({"cpu": "0", "memory": "64Mi"}, {"memory": "64Mi"}, ("100m/100m", "64Mi/64Mi"), ["limits.cpu", "requests.cpu"]),
    ],
)
def test_resources_of_one_container(workload, requests, limits, expected, guesses):
    told = Reasons()
    found = resources_of(workload(resources={"requests": requests, "limits": limits}), "cart", told)
    assert amounts(found) == expected
    assert guessed(told) == guesses


def test_containers_beside_each_other_are_added_up_as_the_hpa_does(workload):
    told = Reasons()
    sidecar = {
        "name": "proxy",
        "image": "p",
        "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "100m"}},
    }
    cart = workload(
        resources={"requests": {"cpu": "150m", "memory": "64Mi"}, "limits": {"cpu": "300m", "memory": "128Mi"}},
        pod={"initContainers": [{**sidecar, "restartPolicy": "Always"}, {"name": "once", "image": "o"}]},
    )
    # The proxy has no memory limit: twice its request of 32Mi.
    assert amounts(resources_of(cart, "cart", told)) == ("200m/400m", "96Mi/192Mi")
    assert guessed(told) == ["limits.memory"]
    assert told.remarks[0].text == "of the containers cart, proxy together"


def test_a_container_without_a_request_is_named(workload):
    told = Reasons()
    pod = {
        "containers": [
            {"name": "a", "image": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
            {"name": "b", "image": "b"},
        ]
    }
    assert amounts(resources_of(workload(pod=pod), "cart", told)) == ("1/1", "1Gi/2048Mi")
    assert "without container b" in told.guesses[0].why


def test_resources_of_the_pod_itself_are_what_counts(workload):
    pod = {"resources": {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}}
    assert amounts(resources_of(workload(pod=pod), "cart", Reasons())) == ("2/2", "1Gi/1Gi")


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"requests": {"cpu": "lots"}}, "container cart: resources.requests.cpu: 'lots' is not a Kubernetes quantity"),
        (
            {"limits": {"memory": ["1Gi"]}},
            "container cart: resources.limits.memory: expected a quantity such as 250m, found list",
        ),
        ({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}, "requests.cpu 2 is greater than limits.cpu 1"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(workload, resources, message):
    with pytest.raises(BadInputError) as caught:
        resources_of(workload(resources=resources), "cart", Reasons())
    assert f"Deployment cart (x.yaml): {message}" in str(caught.value)


def test_the_port_is_the_services_target(workload, service):
    told = Reasons()
    cart = workload(ports=[{"name": "admin", "containerPort": 9000}, {"name": "http", "containerPort": 8080}])
    assert port_of(cart, [service(ports=[{"port": 80, "targetPort": "http"}])], "cart", told) == 8080
    assert (
        port_of(
            cart,
            [service(ports=[{"port": 9, "targetPort": 9000}, {"name": "http", "port": 81, "targetPort": 8080}])],
            "cart",
            told,
        )
        == 8080
    )
    assert port_of(cart, [service(ports=[{"port": 7070}])], "cart", told) == 7070
    assert port_of(cart, [], "cart", told) == 9000
    assert not told.guesses
    assert port_of(workload(), [service(ports=[{"port": [80]}])], "cart", told) == 8000
    assert told.guesses


@pytest.mark.parametrize(
    ("probes", "path", "why"),
    [
        ({"readinessProbe": {"httpGet": {"path": "/ok"}}}, "/ok", None),
        ({"readinessProbe": {"httpGet": {"path": "ok"}}}, "/ok", None),
        ({"readinessProbe": {"grpc": {"port": 1}}}, "/readyz", "grpc, not HTTP"),
        (
            {"readinessProbe": {"exec": {}}, "livenessProbe": {"httpGet": {"path": "/live"}}},
            "/live",
            "the path of its livenessProbe",
        ),
        ({}, "/readyz", "no readiness probe"),
    ],
)
def test_readiness(workload, probes, path, why):
    told = Reasons()
    assert readiness_of(workload(**probes), "cart", told) == path
    assert [guess.why for guess in told.guesses if why in guess.why] if why else not told.guesses


@pytest.mark.parametrize(
    ("pod", "hook", "seconds"),
    [
        ({}, {}, 30),
        ({"terminationGracePeriodSeconds": 60}, {"sleep": {"seconds": 15}}, 45),
        ({"terminationGracePeriodSeconds": 60}, {"exec": {"command": ["/bin/sh", "-c", "sleep 10"]}}, 50),
        ({"terminationGracePeriodSeconds": 60}, {"exec": {"command": ["sleep", "5s"]}}, 55),
        ({"terminationGracePeriodSeconds": 60}, {"exec": {"command": ["drain", "--all"]}}, 60),
        ({"terminationGracePeriodSeconds": 5}, {"sleep": {"seconds": 15}}, 0),
    ],
)
def test_time_to_drain_is_the_grace_period_without_what_the_hook_sleeps(workload, pod, hook, seconds):
    assert drain_seconds_of(workload(pod=pod, lifecycle={"preStop": hook})) == seconds


def test_time_to_start_is_what_the_startup_probe_allows(workload):
    assert start_timeout_of(workload()) is None
    assert start_timeout_of(workload(startupProbe={"failureThreshold": 30, "periodSeconds": 2, "initialDelaySeconds": 5})) == 65
    assert start_timeout_of(workload(startupProbe={"httpGet": {}})) == 30
