"""The operations of an OpenAPI 3 document, with what a request of each needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from scaleproof.adoption.documents import entries, mapping, parsed, words
from scaleproof.adoption.examples import Resolve, simplest, stated_values
from scaleproof.spec.errors import BadInputError

METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
SAFE: Final = frozenset({"GET", "HEAD"})
_PLACES: Final = frozenset({"path", "query", "header"})
_MOST_HOPS: Final = 20


@dataclass(frozen=True)
class Argument:
    """One parameter of a request, with the values that it may take."""

    name: str
    place: Literal["path", "query", "header"]
    values: tuple[str, ...]
    is_guess: bool
    """The document has no example of it."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """With the server's base path, and {names} of arguments."""
    name: str = ""
    summary: str = ""
    arguments: tuple[Argument, ...] = ()
    body: Any = None
    """An example of its JSON body; None where it has none."""
    is_deprecated: bool = False
    needs_token: bool = False

    @property
    def is_safe(self) -> bool:
        """It changes nothing, as far as its method tells (RFC 9110, 9.2.1)."""
        return self.method in SAFE

    @property
    def is_played(self) -> bool:
        """Users do it, unless somebody decides otherwise."""
        return self.is_safe and not self.is_deprecated


@dataclass(frozen=True)
class Api:
    """What a document describes."""

    title: str
    origin: str
    base_path: str
    operations: tuple[Operation, ...]
    service: str | None = None
    """Whose it is, where somebody said so."""


def api_of(text: str, origin: str, service: str | None = None) -> Api:
    """The document's operations in its own order. Raises BadInputError where it is no OpenAPI 3 document, or has no operation."""
    documents = [each for each in parsed(text, origin) if each is not None]
    document = documents[0] if len(documents) == 1 else None
    if not isinstance(document, Mapping) or not ("openapi" in document or "swagger" in document):
        raise BadInputError(f"{origin}: expected an OpenAPI document, with the field `openapi`")
    version = str(document.get("openapi") or document.get("swagger"))
    if not version.startswith("3."):
        raise BadInputError(f"{origin}: OpenAPI {version}, expected 3.x", hint="convert it, such as with swagger2openapi")
    base = _base_path(document)
    everywhere = bool(document.get("security"))
    resolve = _resolver(document)
    operations = tuple(
        _operation(method, base + path, item, mapping(item.get(method)), resolve, secured=everywhere)
        for path, item in ((str(key), resolve(value)) for key, value in mapping(document.get("paths")).items())
        for method in METHODS
        if path.startswith("/") and isinstance(item.get(method), Mapping)
    )
    if not operations:
        raise BadInputError(f"{origin}: no operation in `paths`")
    title = words(mapping(document.get("info")).get("title"))
    return Api(title, origin, base, operations, service)


def prefixes(operations: Sequence[Operation], base_path: str) -> list[str]:
    """Routes that cover all operations: the base path, or else the first segments of their paths."""
    if base_path:
        return [base_path]
    found = list(dict.fromkeys("/" + each.path.split("/")[1] for each in operations))
    return ["/"] if any(each == "/" or "{" in each for each in found) else found


def _base_path(document: Mapping[str, Any]) -> str:
    servers = entries(document.get("servers"))
    url = words(servers[0].get("url")) if servers else ""
    for name, variable in mapping(servers[0].get("variables") if servers else None).items():
        url = url.replace(f"{{{name}}}", str(mapping(variable).get("default", "")))
    try:
        path = urlsplit(url).path
    except ValueError:  # such as an IPv6 address without its end
        path = ""
    path = "".join(path.split()).rstrip("/")
    return f"/{path.lstrip('/')}" if path else ""


def _resolver(document: Mapping[str, Any]) -> Resolve:
    def resolve(node: object) -> Mapping[str, Any]:
        found = mapping(node)
        for _ in range(_MOST_HOPS):
            pointer = words(found.get("$ref"))
            if not pointer:
                return found
            found = mapping(_at(document, pointer)) if pointer.startswith("#/") else {}
        return {}

    return resolve


def _at(document: Mapping[str, Any], pointer: str) -> object:
    """RFC 6901, as a URI fragment."""
    node: object = document
    for part in unquote(pointer).removeprefix("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        node = mapping(node).get(key)
    return node


def _operation(
    method: str, path: str, item: Mapping[str, Any], operation: Mapping[str, Any], resolve: Resolve, *, secured: bool
) -> Operation:
    security = operation.get("security")
    return Operation(
        method=method.upper(),
        path="".join(path.split()),
        name=words(operation.get("operationId")),
        summary=words(operation.get("summary")) or words(operation.get("description")),
        arguments=_arguments(path, item, operation, resolve),
        body=_body(operation, resolve),
        is_deprecated=operation.get("deprecated") is True,
        needs_token=secured if security is None else any(security) if isinstance(security, list) else False,
    )


def _arguments(path: str, item: Mapping[str, Any], operation: Mapping[str, Any], resolve: Resolve) -> tuple[Argument, ...]:
    """Those that a request cannot do without, and optional ones that have an example."""
    declared: dict[tuple[str, str], Mapping[str, Any]] = {}
    for holder in (item, operation):
        parameters = holder.get("parameters")
        for parameter in map(resolve, parameters if isinstance(parameters, list) else []):
            declared[words(parameter.get("in")), words(parameter.get("name"))] = parameter
    found = [
        argument
        for (place, name), parameter in declared.items()
        if place in _PLACES and name and (argument := _argument(place, name, parameter, resolve)) is not None
    ]
    known = {each.name for each in found if each.place == "path"}
    undeclared = [part.partition("}")[0] for part in path.split("{")[1:] if "}" in part]
    return (*found, *(Argument(name, "path", ("1",), is_guess=True) for name in undeclared if name not in known))


def _argument(place: str, name: str, parameter: Mapping[str, Any], resolve: Resolve) -> Argument | None:
    holder = parameter
    content = mapping(parameter.get("content"))
    if content:
        holder = mapping(next(iter(content.values())))
    stated = [text for text in map(_as_text, stated_values(holder, resolve)) if text]
    needed = place == "path" or parameter.get("required") is True
    if not (stated or needed) or (place == "header" and not needed):
        return None
    where: Literal["path", "query", "header"] = "path" if place == "path" else "query" if place == "query" else "header"
    if stated:
        return Argument(name, where, tuple(dict.fromkeys(stated)), is_guess=False)
    return Argument(name, where, (_as_text(simplest(holder.get("schema"), resolve)) or "1",), is_guess=True)


def _as_text(value: object) -> str:
    """As it stands in an address; empty for what cannot."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return _as_text(value[0]) if value else ""
    return "" if value is None or isinstance(value, Mapping) else str(value)


def _body(operation: Mapping[str, Any], resolve: Resolve) -> Any:
    content = mapping(resolve(operation.get("requestBody")).get("content"))
    kind = next((each for each in content if str(each).partition(";")[0].endswith("json")), None)
    if kind is None:
        return None
    holder = mapping(content[kind])
    stated = stated_values(holder, resolve)
    return stated[0] if stated else simplest(holder.get("schema"), resolve)
