"""A locustfile out of operations: a task for each safe one, marked with its service; what changes data stays a comment."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from scaleproof.adoption.guesses import printable
from scaleproof.adoption.openapi import Argument, Operation

TAKEN: Final = frozenset(
    {
        *("abstract", "aside", "begin", "client", "client_pool", "concurrency", "connection_timeout", "context"),
        *("default_headers", "environment", "fixed_count", "fullname", "greenlet", "group", "host", "insecure"),
        *("json", "max_redirects", "max_retries", "max_wait", "min_wait", "network_timeout", "number", "on_start"),
        *("on_stop", "proxy_host", "proxy_port", "random", "rest", "rest_", "run", "ssl_context_factory", "stamp"),
        *("start", "stop", "tasks", "wait", "wait_function", "wait_time", "weight"),
    }
)
"""What a JourneyUser has already; a test compares."""
ITEM_WEIGHT: Final = 2
LIST_WEIGHT: Final = 1
_LONGEST_NAME: Final = 60
_IN_PATHS: Final = "/:@!$&'()*+,;=-._~%"
"""What may stand in a path as it is (RFC 3986, 3.3), and what is encoded already."""


def locustfile_text(operations: Mapping[str, Sequence[Operation]], *, origin: str) -> str:
    """The file for the operations of each service; a user class for each service that has a safe one."""
    parts = [
        _user_class(service, list(found)) for service, found in operations.items() if any(each.is_played for each in found)
    ]
    return "\n\n\n".join([_head(origin), *parts]) + "\n"


def _head(origin: str) -> str:
    return f'''"""Who comes, and what they do: written by `scaleproof init` from {_docstring(origin)}, and yours from now on.

Guesses: how often each task is done (the numbers in @task), and arguments that have no example. An access log knows better.
"""

from __future__ import annotations

from locust import task

from scaleproof.load import JourneyUser, serves'''


def _user_class(service: str, operations: Sequence[Operation]) -> str:
    lines = [f"class {_class_name(service)}(JourneyUser):", f'    """Uses {_docstring(service)}."""']
    if any(each.needs_token for each in operations):
        lines += [
            "",
            "    # The document asks for a token. Where it comes from is yours to say, such as (with `import os` above):",
            '    # default_headers = {"Authorization": f"Bearer {os.environ[\'API_TOKEN\']}"}',
        ]
    names: set[str] = set()
    for operation in operations:
        lines += ["", *_task(service, operation, names)]
    return "\n".join(lines)


def _task(service: str, operation: Operation, names: set[str]) -> list[str]:
    name = _method_name(operation, names)
    weight = ITEM_WEIGHT if any(each.place == "path" for each in operation.arguments) else LIST_WEIGHT
    told = operation.summary or f"{operation.method} {operation.path}"
    guessed = sorted(each.name for each in operation.arguments if each.is_guess)
    lines = [
        f"    @task({weight})",
        f"    @serves({_literal(service)})",
        f"    def {name}(self) -> None:",
        f'        """{_docstring(told)}"""',
        *([f"        # guess: {printable(', '.join(guessed))}: the document has no example"] if guessed else []),
        f"        {_request(operation)}",
    ]
    if operation.is_played:
        return lines
    why = "is deprecated" if operation.is_safe else "may change data"
    what = printable(f"{operation.method} {operation.path}")
    return [f"    # {what} {why}, so it is not sent. Where it may be, take the comment signs away:", *map(_commented, lines)]


def _commented(line: str) -> str:
    return f"    # {line.removeprefix('    ')}"


def _request(operation: Operation) -> str:
    shown = operation.path if operation.is_safe else f"{operation.method} {operation.path}"
    arguments = [_address(operation)]
    if operation.body is not None:
        arguments.append(f"json={_literal(operation.body)}")
    headers = {each.name: each.values[0] for each in operation.arguments if each.place == "header"}
    if headers:
        arguments.append(f"headers={_literal(headers)}")
    arguments.append(f"name={_literal(shown)}")
    return f"self.client.{operation.method.lower()}({', '.join(arguments)})"


def _address(operation: Operation) -> str:
    """The address as an expression: fixed text, and a choice where an argument has several values."""
    by_name = {each.name: each for each in operation.arguments if each.place == "path"}
    pieces: list[str | Argument] = []
    rest = operation.path
    while rest:
        before, brace, after = rest.partition("{")
        name, end, remaining = after.partition("}")
        if not (brace and end and name in by_name):
            pieces.append(_quoted(rest, _IN_PATHS))
            break
        pieces += [_quoted(before, _IN_PATHS), by_name[name]]
        rest = remaining
    sign = "?"
    for argument in operation.arguments:
        if argument.place == "query":
            pieces += [f"{sign}{_quoted(argument.name, '[]')}=", argument]
            sign = "&"
    return _expression(pieces)


def _expression(pieces: Sequence[str | Argument]) -> str:
    parts: list[str] = []
    fixed = ""
    for piece in pieces:
        if isinstance(piece, str):
            fixed += piece
        elif len(piece.values) == 1:
            fixed += _quoted(piece.values[0])
        else:
            choices = ", ".join(_literal(_quoted(value)) for value in piece.values)
            parts += [*([_literal(fixed)] if fixed else []), f"self.random.choice(({choices}))"]
            fixed = ""
    if fixed or not parts:
        parts.append(_literal(fixed))
    return " + ".join(parts)


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=safe, errors="replace")  # half a surrogate pair, which JSON can spell, has no bytes


def _literal(value: Any) -> str:
    """A Python literal; text in double quotes, on one line, whatever is in it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(str(key))}: {_literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "None"
    text = repr(str(value))
    body = text[1:-1]
    if text[0] == "'":
        body = body.replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def _docstring(text: str) -> str:
    """One line that cannot end a docstring."""
    return printable(text).replace("\\", "/").replace('"', "'")[:200] or "-"


def _class_name(service: str) -> str:
    return "".join(part.capitalize() for part in service.split("-")) + "Visitor"


def _method_name(operation: Operation, names: set[str]) -> str:
    """`list_orders` of listOrders; of method and path where the operation has no name."""
    stated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation.name)
    name = _identifier(stated) or _identifier(f"{operation.method} {operation.path}") or "request"
    if name[0].isdigit() or name in TAKEN or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        name = f"do_{name}"
    base, count = name, 2
    while name in names:
        name, count = f"{base}_{count}", count + 1
    names.add(name)
    return name


def _identifier(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower())[:_LONGEST_NAME].strip("_")
