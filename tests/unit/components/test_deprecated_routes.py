"""`gateway.deprecated`: read, refused, and told to both gateways alike."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from fakes.shop import PLATFORM
from scaleproof.components.api_gateway import gateway_manifests
from scaleproof.components.gateway_routes import public_parts
from scaleproof.components.platform_parts import gateway_args
from scaleproof.runtime import envoy_config
from scaleproof.spec.gateway import Deprecation
from scaleproof.spec.gateway_behaviour import deprecation_headers
from scaleproof.spec.platform import Platform

OLD = {"path": "/api/v1/orders", "since": "2026-12-01", "sunset": "2027-12-01", "successor": "/api/v2/orders"}
HEADERS = {
    "deprecation": "@1796083200",
    "sunset": "Wed, 01 Dec 2027 00:00:00 GMT",
    "link": '</api/v2/orders>; rel="successor-version"',
}


def gateway(*deprecated: dict, **more: object) -> dict:
    return {"gateway": {**PLATFORM["gateway"], "deprecated": list(deprecated), **more}}


def shop(*deprecated: dict, **more: object) -> Platform:
    return Platform.model_validate({**PLATFORM, **gateway(*deprecated, **more)})


def test_headers_of_the_standards():
    assert deprecation_headers(Deprecation.model_validate(OLD)) == HEADERS
    assert deprecation_headers(Deprecation(path="/x", since=date(1970, 1, 2))) == {"deprecation": "@86400"}


@pytest.mark.parametrize(("path", "found"), [
    ("/api/v1/orders", "/api/v1/orders"), ("/api/v1/orders/", "/api/v1/orders"), ("/api/v1/orders/7", "/api/v1/orders"),
    ("/api/v1/ordersX", None), ("/api/v2/orders", None), ("/api/v1/front/x", "/api/v1/front"),
])  # fmt: skip
def test_what_is_below_a_deprecated_path(path: str, found: str | None):
    deprecation = shop(OLD, {"path": "/api/v1/front", "since": "2026-12-01"}).gateway.deprecation_of(path)
    assert (deprecation.path if deprecation else None) == found


@pytest.mark.parametrize(("changed", "message"), [
    ({"path": "/api/v3/orders"}, "gateway.deprecated: path: /api/v3/orders: no service has this route"),
    ({"successor": "/api/v3/orders"}, "gateway.deprecated: successor: /api/v3/orders: no service has this route"),
    ({"sunset": "2026-11-30"}, "sunset 2026-11-30 is before since 2026-12-01"),
    ({"since": "soon"}, "since"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(changed: dict, message: str):
    with pytest.raises(ValidationError) as caught:
        shop({**OLD, **changed})
    assert message in str(caught.value)


def test_envoy_adds_them_to_the_answers_of_that_path_alone(tmp_path):
    spec = shop({**OLD, "successor": "/api/v2/orders"})
    listener = envoy_config.bootstrap(spec, 8080, 9, {}, tmp_path)["static_resources"]["listeners"][0]
    routes = listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]
    told = {
        route["match"]["path_separated_prefix"]: {
            each["header"]["key"]: each["header"]["value"] for each in route.get("response_headers_to_add", ())
        }
        for route in routes
    }
    assert told == {"/api/v1/orders": HEADERS, "/api/v2/orders": {}, "/api/v1/front": {}}


def test_envoy_gateway_has_a_route_of_its_own_for_them_under_the_same_policies(inputs):
    jwt = {
        "issuer": "i",
        "audiences": ["shop"],
        "jwks_url": "https://i/keys",
        "public_paths": ["/api/v1/orders/open", "/api/v1/front/open"],
    }
    items = gateway_manifests(gateway_args(inputs(platform=gateway(OLD, jwt=jwt))))
    found = {(item["kind"], item["metadata"]["name"]): item["spec"] for item in items}
    paths = {
        name: [match["path"]["value"] for match in spec["rules"][0]["matches"]]
        for (kind, name), spec in found.items()
        if kind == "HTTPRoute" and name in {part.name for part in public_parts(shop(OLD, jwt=jwt))}
    }
    assert paths == {
        "orders": ["/api/v2/orders"],
        "orders-deprecated-1": ["/api/v1/orders"],
        "orders-public-deprecated-1": ["/api/v1/orders/open"],
        "front-page": ["/api/v1/front"],
        "front-page-public": ["/api/v1/front/open"],
    }
    rule = found["HTTPRoute", "orders-deprecated-1"]["rules"][0]
    assert rule["name"] == "orders"
    assert rule["filters"] == [
        {
            "type": "ResponseHeaderModifier",
            "responseHeaderModifier": {
                "set": [{"name": name, "value": HEADERS[name]} for name in ("deprecation", "sunset")],
                "add": [{"name": "link", "value": HEADERS["link"]}],
            },
        }
    ]
    assert "filters" not in found["HTTPRoute", "orders"]["rules"][0]
    targets = [target["name"] for target in found["SecurityPolicy", "jwt"]["targetRefs"]]
    assert targets == ["orders-deprecated-1", "orders", "front-page"]
    assert [target["name"] for target in found["BackendTrafficPolicy", "orders"]["targetRefs"]] == [
        "orders-deprecated-1",
        "orders",
        "orders-public-deprecated-1",
    ]
