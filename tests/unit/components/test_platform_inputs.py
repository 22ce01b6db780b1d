from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from scaleproof.components.platform_inputs import check, from_config
from scaleproof.spec.errors import BadInputError


def write(project: Path, config: dict, **settings) -> None:
    if settings:
        config = {**config, "scaleproof:kubernetes": {"version": 1, **settings}}
    (project / "Pulumi.dev.yaml").write_text(json.dumps({"config": config}, indent=1))


def test_everything_has_a_default(project):
    found = check(project, "dev")
    assert (found.namespace, found.load_namespace, found.monitoring_namespace) == (
        "shop-dev",
        "shop-dev-load",
        "shop-dev-monitoring",
    )
    assert found.settings.kubernetes_version == "1.36"
    assert not found.database_url_given


def test_file_and_engine_say_the_same(project, shop):
    write(project, shop, namespace="elsewhere")
    config = {"policy": shop["scaleproof:policy"], "kubernetes": {"version": 1, "namespace": "elsewhere"}}
    assert from_config(project, "dev", config) == check(project, "dev")


@pytest.mark.parametrize(("stack", "namespace"), [("dev", "shop-dev"), ("Team_A.prod", "shop-team-a-prod"), ("x_", "shop-x")])
def test_a_stacks_name_becomes_a_namespace(project, shop, stack, namespace):
    assert from_config(project, stack, {"policy": shop["scaleproof:policy"]}).namespace == namespace


@pytest.mark.parametrize(
    ("settings", "image"),
    [
        ({}, "shop/orders:1.2"),
        ({"images": {"orders": "registry:5000/x"}}, "registry:5000/x:1.2"),
        ({"images": {"orders": "x@sha256:1"}}, "x@sha256:1"),
        ({"images": {"orders": "x:9"}}, "x:9"),
    ],
)
def test_images_get_a_tag_where_they_have_none(inputs, settings, image):
    assert inputs(**settings).image_of("orders") == image


def test_charts(inputs):
    assert inputs(charts="oci://registry/charts/").chart("redis") == "oci://registry/charts/redis"
    own = inputs(charts=None).chart("redis")
    assert own.endswith("scaleproof/charts/redis")
    assert (Path(own) / "Chart.yaml").is_file()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_tagg": "1"}, "image_tagg: unknown field; did you mean 'image_tag'?"),
        ({"kubernetes_version": "latest"}, "kubernetes_version: string should match pattern"),
        ({"namespace": "Shop"}, "namespace: string should match pattern"),
        ({"gateway": {"jwks_url": "jwks"}}, "jwks_url: string should match pattern"),
        ({"gateway": {"jwt": {"issuer": "i"}}}, "gateway.jwt: unknown field"),
        ({"observability": {"mode": "existing"}}, "prometheus_url and namespace say which Prometheus"),
        ({"observability": {"read_by": ["orders"]}}, "mode none has no Prometheus that could be read"),
        ({"database": {"storage": "much"}}, "storage: 'much' is not a Kubernetes quantity"),
        ({"database": {"resources": {"requests": {"cpu": "2"}}}}, "database.resources"),
        (
            {"keda": {"prometheus_url": "http://p", "requests_per_replica": {}}},
            "requests_per_replica: dictionary should have at least 1",
        ),
        ({"load_test": {"workers": 0}}, "load_test.workers: expected greater than 0"),
    ],
)
def test_wrong_settings_are_named_with_their_line(project, shop, settings, message):
    write(project, shop, **settings)
    with pytest.raises(BadInputError) as caught:
        check(project, "dev")
    assert message in str(caught.value)
    assert "Pulumi.dev.yaml:" in str(caught.value)


def test_a_newer_format_is_refused(project, shop):
    write(project, {**shop, "scaleproof:kubernetes": {"version": 2}})
    with pytest.raises(BadInputError, match="version 2 is newer than 1"):
        check(project, "dev")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": {"shipping": "x"}}, "images: shipping: no such service; expected orders, front-page"),
        (
            {"keda": {"prometheus_url": "http://p", "requests_per_replica": {"shipping": 1}}},
            "keda.requests_per_replica: shipping: no such service",
        ),
        (
            {"observability": {"mode": "install", "read_by": ["order"]}},
            "observability.read_by: order: no such service; expected",
        ),
        ({"gateway": {"jwt_issuer": "https://x"}}, "jwt_issuer and jwks_url change `gateway.jwt` of"),
        ({"namespace": "n" * 55}, "is longer than 54 characters"),
    ],
)
def test_what_does_not_fit_together(project, shop, settings, message):
    write(project, shop, **settings)
    with pytest.raises(BadInputError) as caught:
        check(project, "dev")
    assert message in str(caught.value)


def test_two_databases(project, shop):
    write(project, {**shop, "scaleproof:databaseUrl": {"secure": "v1:…"}}, database={"secret": "theirs"})
    with pytest.raises(BadInputError, match=r"database\.secret and scaleproof:databaseUrl both say"):
        check(project, "dev")


def test_a_service_without_an_image(project, shop):
    platform = json.loads((project / "platform.yaml").read_text())
    platform["services"]["orders"] = {**platform["services"]["orders"], "image": None, "command": ["orders"]}
    (project / "platform.yaml").write_text(json.dumps(platform))
    with pytest.raises(BadInputError, match=r"services\.orders: no image; a cluster runs images"):
        check(project, "dev")
    write(project, shop, images={"orders": "x:1"})
    assert check(project, "dev").image_of("orders") == "x:1"


def test_a_service_after_which_no_role_can_be_named(project, shop):
    text = (project / "platform.yaml").read_text()
    policy = json.dumps(shop).replace('"front-page"', '"public"')
    (project / "platform.yaml").write_text(text.replace('"front-page"', '"public"'))
    write(project, json.loads(policy))
    with pytest.raises(BadInputError, match=r"services\.public: no role of PostgreSQL can have this name"):
        check(project, "dev")
    write(project, json.loads(policy), database={"secret": "theirs"})
    check(project, "dev")


class TestWithoutAFile:
    """`pulumi up --config-file`, or a config that was set by code."""

    def test_no_policy(self, project):
        with pytest.raises(BadInputError, match=r"scaleproof:policy is not set"):
            from_config(project, "other", {})

    def test_a_wrong_policy_is_named_by_its_key(self, project, shop):
        policy = copy.deepcopy(shop["scaleproof:policy"])
        policy["services"]["orders"]["autoscaling"]["minReplicas"] = 9
        with pytest.raises(BadInputError) as caught:
            from_config(project, "other", {"policy": policy})
        assert str(caught.value).startswith(
            "scaleproof:policy: services.orders.autoscaling: minReplicas 9 is greater than maxReplicas 5"
        )

    def test_a_policy_for_nobody(self, project, shop):
        policy = copy.deepcopy(shop["scaleproof:policy"])
        policy["services"]["shipping"] = policy["services"]["orders"]
        with pytest.raises(BadInputError, match="a policy for shipping"):
            from_config(project, "other", {"policy": policy})

    def test_the_file_is_right_and_the_config_is_not(self, project):
        with pytest.raises(BadInputError, match=r"^scaleproof:policy: services: Field required"):
            from_config(project, "dev", {"policy": {"version": 1}})
