"""Paths that lead to services, and where people come in when nothing says so."""

from __future__ import annotations

import pytest

from scaleproof.adoption.calls import calls_of
from scaleproof.adoption.documents import Document
from scaleproof.adoption.guesses import Reasons
from scaleproof.adoption.objects import Objects
from scaleproof.adoption.routes import fixed_beginning, front_door, given_routes


def ingress(*paths, host="", **metadata):
    """`paths` are (path, pathType, Service)."""
    http = {"paths": [{"path": path, "pathType": kind, "backend": {"service": {"name": to}}} for path, kind, to in paths]}
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "in", **metadata}}
    return Document({**body, "spec": {"rules": [{"host": host, "http": http}]}}, "x.yaml")


def http_route(*rules):
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "route"}}
    return Document({**body, "spec": {"rules": list(rules)}}, "x.yaml")


@pytest.fixture
def platform(workload, service):
    def build(*names, routes=(), **kinds):
        named = {name: workload(name) for name in names}
        services = tuple(service(name, **({"type": kinds[name]} if name in kinds else {})) for name in names)
        return named, Objects(workloads=tuple(named.values()), services=services, routes=tuple(routes))

    return build


@pytest.mark.parametrize(
    ("pattern", "fixed"),
    [
        ("/api(/|$)(.*)", "/api"),
        ("/api/?(.*)", "/api"),
        ("/api/.*", "/api"),
        ("/api/*", "/api"),
        ("/*", "/"),
        ("/v[12]/orders", "/"),
        ("/shop/v\\d+", "/shop"),
        ("/api$", "/api"),
        ("/(.*)", "/"),
        ("/plain.html", "/plain.html"),
    ],
)
def test_the_fixed_beginning_of_a_pattern(pattern, fixed):
    assert fixed_beginning(pattern) == fixed


def test_an_ingress_gives_routes(platform):
    told = Reasons()
    rules = [
        ("/", "Prefix", "front"),
        ("/cart/", "Prefix", "cart"),
        ("/img/*", "ImplementationSpecific", "cart"),
        ("/x", "Exact", "gone"),
    ]
    named, objects = platform("front", "cart", routes=[ingress(*rules)])
    assert given_routes(named, objects, told) == {"front": ["/"], "cart": ["/cart", "/img"]}
    assert [guess.value for guess in told.guesses] == ["/img"]
    assert told.notes == ["Ingress in (x.yaml): /x leads to gone, which is none of the services"]


def test_the_same_path_of_two_hosts_is_said(platform):
    told = Reasons()
    routes = [ingress(("/", "Prefix", "front"), host="a.example"), ingress(("/", "Prefix", "cart"), host="b.example")]
    named, objects = platform("front", "cart", routes=routes)
    assert given_routes(named, objects, told) == {"front": ["/"], "cart": []}
    assert "b.example leads to cart, but a.example has it lead to front" in told.notes[0]


def test_an_http_route_gives_routes(platform):
    told = Reasons()
    split = [{"name": "cart", "weight": 1}, {"name": "front", "weight": 9}]
    rules = [
        {"matches": [{"path": {"type": "PathPrefix", "value": "/cart"}}], "backendRefs": [{"name": "cart"}]},
        {"matches": [{"path": {"type": "RegularExpression", "value": "/v[0-9]+/.*"}}], "backendRefs": split},
        {"matches": [{"path": {"value": "/old"}}], "filters": [{"type": "RequestRedirect"}]},
    ]
    named, objects = platform("front", "cart", routes=[http_route(*rules)])
    assert given_routes(named, objects, told) == {"front": ["/"], "cart": ["/cart"]}
    assert any("front gets them all" in note for note in told.notes)


def test_a_rewrite_is_said(platform):
    told = Reasons()
    annotations = {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"}
    named, objects = platform("cart", routes=[ingress(("/cart", "Prefix", "cart"), annotations=annotations)])
    given_routes(named, objects, told)
    assert "rewrites paths" in told.notes[0]


@pytest.mark.parametrize(
    ("names", "kinds", "calls", "opened"),
    [
        (("a", "b"), {"b": "LoadBalancer"}, {}, {"b": ["/"]}),
        (("a", "web-front"), {}, {}, {"web-front": ["/"]}),
        (("a", "b"), {}, {"a": ["b"]}, {"a": ["/"]}),
        (("a", "b"), {}, {}, {"a": ["/a"], "b": ["/b"]}),
        ((), {}, {}, {}),
    ],
)
def test_where_people_come_in_when_nothing_says_so(platform, names, kinds, calls, opened):
    told = Reasons()
    named, objects = platform(*names, **kinds)
    assert front_door(named, objects, {name: calls.get(name, []) for name in names}, told) == opened
    assert len(told.guesses) == len(opened)


@pytest.mark.parametrize(
    ("variable", "value", "called"),
    [
        ("CART_URL", "http://cart:7070/x", True),
        ("CART_URL", "http://cart/", True),
        ("DSN", "amqp://user:secret@cart:5672", True),
        ("CART_ADDR", "cart:7070", True),
        ("PEERS", "other:1234,cart:7070", True),
        ("CART_HOST", "cart", True),
        ("CART_URL", "http://cart.shop.svc.cluster.local", True),
        ("CART_URL", "http://cart.shop", True),
        ("CART_URL", "https://cart.com/", False),
        ("MODE", "cart", False),
        ("TITLE", "my cart: 20 things", False),
        ("CART_URL", "http://my-cart:7070", False),
    ],
)
def test_an_address_in_the_environment_is_a_call(workload, service, variable, value, called):
    named = {
        "front": workload("front", namespace="shop", env=[{"name": variable, "value": value}, {"name": "X"}]),
        "cart": workload("cart", namespace="shop"),
    }
    objects = Objects(services=(service("cart", namespace="shop"),))
    told = Reasons()
    assert calls_of(named, objects, told)["front"] == (["cart"] if called else [])
    assert "secret" not in str(told)


def test_arguments_are_looked_at_too(workload, service):
    named = {"front": workload("front", args=["--cart-address=cart:7070"]), "cart": workload("cart")}
    assert calls_of(named, Objects(services=(service("cart"),)), Reasons())["front"] == ["cart"]


def test_a_circle_is_cut_behind_the_front(workload, service):
    named = {
        "checkout": workload("checkout", env=[{"name": "A", "value": "http://front"}]),
        "front": workload("front", env=[{"name": "A", "value": "http://checkout"}]),
    }
    objects = Objects(services=(service("checkout"), service("front")))
    told = Reasons()
    assert calls_of(named, objects, told, first=["front"]) == {"checkout": [], "front": ["checkout"]}
    assert "the call from checkout to front is left out" in told.notes[0]
    assert calls_of(named, objects, Reasons()) == {"checkout": ["front"], "front": []}
