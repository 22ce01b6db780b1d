"""Every name in docs/architecture/*.dot is one of the code or the spec, and what they must show they show."""

from __future__ import annotations

import importlib
import json
import re
import typing
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pydantic import BaseModel

from scaleproof.spec.platform import Platform
from scaleproof.spec.platform_file import read_platform
from scaleproof.spec.problems import PROBLEMS
from scripts.diagram_source import Diagram, DiagramError, Drawn, read_diagram
from services.common.errors.catalogue import COMMON, FILE_NAME, read_catalogue
from services.common.settings import ServiceSettings
from services.common.tokens.claims import write_claims
from services.common.tokens.principal import Principal
from services.dashboard.layout_document import Breakpoint
from services.dashboard.widgets import Widget
from services.identity.key_schedule import KeyState

REPOSITORY = Path(__file__).parents[3]
FOLDER = REPOSITORY / "docs/architecture"
NAMES = ("caching", "dashboard", "database", "errors", "gateway", "system", "tokens")
"""The seven that were asked for (/docs/README.md, row 12)."""
OUTSIDE = {
    "browsers",
    "a client",
    "a front end",
    "an OpenID provider",
    "Authorization: Bearer",
    "first time",
    "full",
    "no",
    "no row",
    "used up",
    "wanted replicas",
}
"""What stands for nothing in this repository, word by word."""


def diagram(name: str) -> Diagram:
    return read_diagram(FOLDER / f"{name}.dot")


def platform() -> Platform:
    return read_platform(REPOSITORY / "platform.yaml")


def codes() -> set[str]:
    files = [COMMON, *sorted((REPOSITORY / "services").glob(f"*/{FILE_NAME}"))]
    return {code for file in files for code in read_catalogue(file)}


def plain(text: str) -> str:
    """`CircuitBreaker`, `circuit_breaker` and "circuit breaker" are one name."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def found(path: str) -> object:
    """`module:Name.member`, imported; of a model's field its default."""
    module, _, names = path.partition(":")
    value: object = importlib.import_module(module)
    for name in filter(None, names.split(".")):
        if isinstance(value, type) and issubclass(value, BaseModel) and name in value.model_fields:
            value = value.model_fields[name].default
        else:
            value = getattr(value, name)
    return value


def written(value: object) -> set[str]:
    """How a label may write a constant."""
    return {f"{value:g}", f"{value:,}"} if isinstance(value, int | float) else {str(value)}


def constants(paths: Iterable[str]) -> list[object]:
    values: list[object] = []
    for path in paths:
        kind, _, name = path.partition(":")
        if kind == "default":
            settings = ServiceSettings.from_environment({"DATABASE_URL": "postgresql://127.0.0.1/x"}, service="x")
            values.append(getattr(settings, name.lower()))
        else:
            value = found(path)
            values += value if isinstance(value, tuple | list) else [value]
    return values


def of_code(rest: str, drawn: Drawn) -> bool:
    value = found(rest)
    name = getattr(value, "value", None) if isinstance(value, str) else None
    return "says" in drawn.attributes or plain(
        name or rest.rpartition(":")[2].rpartition(".")[2] or rest.rpartition(".")[2]
    ) in plain(drawn.label)


def of_source(rest: str, drawn: Drawn) -> bool:
    """Of what must not be imported into a test: Locust changes how sockets work."""
    file, name = rest.split(":")
    return re.search(rf"^class {name}\b", (REPOSITORY / file).read_text(), re.MULTILINE) is not None and name in drawn.label


def of_constant(rest: str, drawn: Drawn) -> bool:
    return all(
        written(value) & set(re.split(r"[ ,:;]+", drawn.label)) or str(value) in drawn.label for value in constants([rest])
    )


def of_routes(service: str, drawn: Drawn) -> bool:
    return all(route in drawn.label for route in platform().services[service].routes)


def of_call(rest: str, drawn: Drawn) -> bool:
    caller, callee = rest.split(":")
    return callee in platform().services[caller].calls and f"{callee.upper()}_URL" in drawn.label


def of_word(rest: str, drawn: Drawn) -> bool:
    file, word = rest.split(":")
    return f"'{word}'" in (REPOSITORY / file).read_text() and word in drawn.label


def of_gateway(status: str, drawn: Drawn) -> bool:
    problem = next(problem for problem in PROBLEMS if problem.status == int(status))
    return f"{status} {problem.code}" in drawn.label


def of_claims(_: str, drawn: Drawn) -> bool:
    someone = Principal(user_id="1", session_id="s", token_id="t", roles=frozenset(), version=1, issued_at=1, expires_at=2)
    return set(json.loads(write_claims(someone, issuer="i", audience="a"))) == set(drawn.lines[-1].split())


def of_widgets(_: str, drawn: Drawn) -> bool:
    kinds = {typing.get_args(kind.model_fields["kind"].annotation)[0] for kind in typing.get_args(typing.get_args(Widget)[0])}
    return kinds == set(" ".join(drawn.lines[1:]).split())


def of_breakpoints(_: str, drawn: Drawn) -> bool:
    return set(Breakpoint) == set(drawn.lines[0].partition(": ")[2].split(", "))


KINDS: dict[str, Callable[[str, Drawn], bool]] = {
    "outside": lambda _, drawn: drawn.label in OUTSIDE,
    "py": of_code,
    "source": of_source,
    "value": of_constant,
    "service": lambda name, drawn: (REPOSITORY / f"services/{name}/app.py").exists() and drawn.lines[0] == name,
    "prefix": of_routes,
    "calls": of_call,
    "code": lambda code, drawn: code in codes() and code in drawn.label,
    "claims": of_claims,
    "widgets": of_widgets,
    "breakpoints": of_breakpoints,
    "word": of_word,
    "gateway-problem": of_gateway,
    # Held against a real database by tests/unit/services/test_database_diagram.py.
    "table": lambda table, drawn: "says" in drawn.attributes or table.partition(".")[2] in drawn.label,
    "column": lambda column, drawn: drawn.label == column.rpartition(".")[2],
}
"""What each kind of `ref` must hold, given what comes after its colon."""


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_one_of_the_code_or_the_spec(name):
    for drawn in diagram(name).drawn:
        assert drawn.refs or not drawn.label, f"{drawn.where}: {drawn.label!r} stands for nothing: give it a ref"
        for ref in drawn.refs:
            kind, _, rest = ref.partition(":")
            try:
                holds = KINDS[kind](rest, drawn)
            except (AttributeError, ImportError, KeyError, StopIteration) as error:
                pytest.fail(f"{drawn.where}: {ref}: {type(error).__name__}: {error}")
            assert holds, f"{drawn.where}: {drawn.label!r} does not say what {ref} is called now"
        for value in constants(drawn.attributes.get("values", "").split()):
            assert any(re.search(rf"(?<![\d.,]){re.escape(text)}(?![\d.,]\d)", drawn.label) for text in written(value)), (
                f"{drawn.where}: {drawn.label!r} does not say {value}"
            )


def test_there_are_seven_each_with_a_picture_and_a_place_in_the_page():
    assert sorted(file.stem for file in FOLDER.glob("*.dot")) == sorted(NAMES)
    page = (FOLDER / "README.md").read_text()
    for name in NAMES:
        picture = (FOLDER / f"{name}.svg").read_text()
        assert picture.startswith(("<?xml", "<svg"))
        assert f"({name}.svg)" in page
        assert f"({name}.dot)" in page


def refs_of(name: str, kind: str) -> set[str]:
    return {ref.partition(":")[2] for drawn in diagram(name).drawn for ref in drawn.refs if ref.startswith(f"{kind}:")}


def test_the_system_shows_every_service_route_and_call():
    services = {file.parent.name for file in (REPOSITORY / "services").glob("*/app.py")}
    assert refs_of("system", "service") == services
    known = platform().services
    assert set(known) == services
    assert refs_of("system", "prefix") == {name for name, service in known.items() if service.routes}
    assert refs_of("system", "calls") == {f"{name}:{callee}" for name, service in known.items() for callee in service.calls}
    assert refs_of("gateway", "prefix") == refs_of("system", "prefix")


def test_the_life_of_a_key_has_every_state_in_order():
    drawn = diagram("tokens")
    path = [KeyState.published.value]
    following = {edge.tail: edge.head for edge in drawn.edges if edge.tail in set(KeyState) and edge.head in set(KeyState)}
    while path[-1] in following:
        path.append(following[path[-1]])
    assert path == [state.value for state in KeyState]


def test_the_gateways_refusals_are_those_of_its_page():
    page = (REPOSITORY / "docs/gateway.md").read_text()
    assert refs_of("gateway", "gateway-problem") == set(re.findall(r"^\| (\d{3}) \|", page, re.MULTILINE))


def test_middleware_is_passed_in_the_order_in_which_it_is_installed():
    """The last one added is the outermost."""
    installed = re.findall(r"app\.add_middleware\((\w+)", (REPOSITORY / "services/common/application.py").read_text())[::-1]
    drawn = diagram("errors")
    shown = [node.lines[0] for node in drawn.nodes.values() if node.lines[0].endswith("Middleware")]
    assert shown == installed
    chain = [
        edge
        for edge in drawn.edges
        if edge.tail in {"span", "traffic", "unexpected", "body", "query"} and edge.head != "factory"
    ]
    names = [drawn.nodes[edge.tail].lines[0] for edge in chain] + [drawn.nodes[chain[-1].head].lines[0]]
    assert names == installed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("digraph x {\n}\n", "x.dot:1: expected `// what"),
        ("// T\ndigraph x {\n  a -> b;\n}\n", "x.dot:3: no node is called a, b"),
        ('// T\ndigraph x {\n  a [label="A"];\n  a [label="B"];\n}\n', "x.dot:4: a is there already"),
        ('// T\ndigraph x {\n  a [label="A" oops];\n}\n', "is no attribute"),
        ("// T\ndigraph x {\n  { rank=same; a; b }\n}\n", "x.dot:3: '{ rank=same; a; b }'"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, text, says):
    file = tmp_path / "x.dot"
    file.write_text(text)
    with pytest.raises(DiagramError, match=re.escape(says)):
        read_diagram(file)
