"""A small shop as a platform: every figure has a source or a reason."""

from __future__ import annotations

import json

import pytest

from scaleproof.adoption.documents import documents_of
from scaleproof.adoption.files import platform_text, stack_text
from scaleproof.adoption.objects import Objects, objects_of
from scaleproof.adoption.platform_of import adopt, slug
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform, Service
from scaleproof.spec.policy import Policy


def adopted(objects, apis=(), **options):
    return adopt(objects, apis, folder_name="folder", locustfile="loadtests/locustfile.py", **options)


@pytest.fixture
def platform(shop):
    return Platform.model_validate(adopted(shop).platform)


def test_the_services_are_those_that_requests_reach(platform):
    assert list(platform.services) == ["cart", "catalogue", "checkout", "front", "payment"]
    assert platform.name == "shop"


def test_who_calls_whom(platform):
    assert {name: service.calls for name, service in platform.services.items()} == {
        "cart": [],
        "catalogue": [],
        "checkout": ["cart", "payment"],
        "front": ["cart", "catalogue", "checkout"],
        "payment": [],
    }


def test_a_caller_promises_less_than_whom_it_waits_for(platform):
    promised = {name: service.slo.latency_ms for name, service in platform.services.items()}
    assert promised == {"cart": 250, "catalogue": 250, "payment": 250, "checkout": 500, "front": 750}


def test_what_a_replica_is(platform):
    front = platform.services["front"]
    assert (front.image, front.port, front.readiness) == ("registry.example/shop/front:1.4.2", 8080, "/health/ready")
    assert (front.start_timeout_seconds, front.drain_seconds) == (90, 40)
    assert platform.services["cart"].port == 7070
    assert platform.services["checkout"].drain_seconds == 30


def test_routes(platform):
    assert platform.service_of("/") == "front"
    assert platform.service_of("/api/catalogue/products") == "catalogue"


def test_datastores_are_no_services(platform):
    assert platform.postgres.max_connections == 200
    assert platform.redis.memory == "256Mi"


def test_the_policy(shop):
    policy = Policy.model_validate(adopted(shop).policy)
    least_and_most = {
        name: (
            each.autoscaling.min_replicas,
            each.autoscaling.max_replicas,
            each.autoscaling.metrics[0].resource.target.average_utilization,
        )
        for name, each in policy.services.items()
    }
    assert least_and_most == {
        "cart": (3, 10, 80),  # two are kept available, and one more lets a node be drained
        "catalogue": (3, 9, 70),  # autoscaling/v1
        "checkout": (1, 10, 80),
        "front": (2, 12, 65),
        "payment": (1, 10, 80),
    }
    assert policy.services["front"].autoscaling.behavior.scale_down.stabilization_window_seconds == 120
    assert {name: each.resources.requests.cpu_millicores for name, each in policy.services.items()} == {
        "cart": 200,
        "catalogue": 100,
        "checkout": 100,
        "front": 250,
        "payment": 200,
    }


def test_every_guess_is_a_comment_above_its_field(shop):
    found = adopted(shop)
    texts = {"platform": platform_text(found), "policy": stack_text(found, "dev")}
    for guess in found.reasons.guesses:
        for file in guess.files:
            # Long reasons are wrapped: their beginning is enough.
            assert f"# guess: {guess.why}"[:60] in texts[file]
    for file, text in texts.items():
        written = sum(line.lstrip().startswith("# guess:") for line in text.splitlines())
        assert written == sum(file in guess.files for guess in found.reasons.guesses)


def test_what_was_left_out_is_said(shop):
    notes = "\n".join(adopted(shop).reasons.notes)
    assert "Deployment visitors (datastores.yaml): left out, no Service leads to it" in notes
    assert "/api/old leads to retired" in notes
    assert "the call from checkout to front is left out" in notes


def test_no_value_of_a_secret_or_of_the_environment_is_written(shop):
    found = adopted(shop)
    text = platform_text(found) + stack_text(found, "dev") + str(found.reasons)
    for secret in ("hunter2", "correct-horse", "postgres://", "shop-secrets"):
        assert secret not in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Cart_Service", "cart-service"), ("2nd", "s-2nd"), ("a" * 60, "a" * 40), ("x" * 39 + "-y", "x" * 39), ("...", "s")],
)
def test_names(name, expected):
    assert slug(name) == expected
    Platform.model_validate({"version": 1, "name": slug(name), "services": {slug(name): service()}})


def service():
    amounts = {"cpu": "100m", "memory": "64Mi"}
    return {"resources": {"requests": amounts, "limits": amounts}, "slo": {"latency_ms": 100, "share": 0.9}}


def test_a_service_needs_neither_command_nor_image_to_be_read():
    assert Service.model_validate(service()).image is None


def test_two_namespaces_may_have_the_same_name(workload):
    found = adopted(Objects(workloads=(workload(namespace="a"), workload(namespace="b"))))
    assert found.services == ["cart", "cart-2"]
    assert found.platform["name"] == "folder"


def test_a_deployment_alone_is_enough(workload):
    found = adopted(Objects(workloads=(workload(),)))
    assert found.platform["services"]["cart"]["routes"] == ["/"]


def test_a_datastore_that_an_autoscaler_scales_is_a_service(workload):
    deployment = workload("cache", image="redis:8")
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "cache"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "cache"}, "maxReplicas": 3},
    }
    documents = [deployment.document, *documents_of(json.dumps(scaler), "f")]
    assert adopted(objects_of(documents)).services == ["cache"]


def test_nothing_to_adopt_is_said():
    with pytest.raises(BadInputError, match="no service found"):
        adopted(Objects())


def test_of_a_locustfile_alone_one_service_stands_for_everything():
    found = adopted(Objects(), is_only_loaded=True)
    assert found.services == ["folder"]
    assert found.platform["services"]["folder"]["routes"] == ["/"]
    Platform.model_validate(found.platform)


def test_what_the_format_does_not_take_is_named(workload):
    with pytest.raises(
        BadInputError, match=r"platform.yaml, as it was found, is not valid: services.cart.start_timeout_seconds"
    ):
        adopted(Objects(workloads=(workload(startupProbe={"periodSeconds": -5}),)))
