"""A YAML file with comments and line numbers kept, validated with messages that name file, line, field and expectation."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from scaleproof.spec.errors import BadInputError

Model = TypeVar("Model", bound=BaseModel)
Path_ = Sequence[str | int]
Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
"""From version N to version N + 1."""


@dataclass
class YamlDocument:
    """A parsed YAML file: `root` is ruamel's round-trip tree, `text` what was read."""

    file: Path
    text: str
    root: Any

    def line_of(self, field: Path_) -> int:
        """1-based line of the field, or of its nearest existing parent."""
        node, line = self.root, 1
        for part in field:
            if not isinstance(node, CommentedMap | CommentedSeq):
                break
            try:
                position = node.lc.item(part) if isinstance(part, int) else node.lc.key(part)
                node = node[part]
            except (KeyError, IndexError, TypeError):
                break
            line = position[0] + 1
        return line

    def fail(self, field: Path_, message: str, hint: str | None = None) -> BadInputError:
        """The error for that field, with file and line."""
        name = dotted(field)
        return BadInputError(f"{self.file}:{self.line_of(field)}: {name + ': ' if name else ''}{message}", hint=hint)

    def dumped(self) -> str:
        """The tree as text, in the file's own indentation."""
        out = StringIO()
        _round_trip(self.text).dump(self.root, out)
        return out.getvalue()


def read_yaml(file: Path) -> YamlDocument:
    """Parse a YAML file. Raises BadInputError where it is missing, unreadable, not YAML or not a mapping."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file", hint="run in the project's folder, or name the file") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{file}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read ({error.strerror})", hint="check the file's permissions") from None
    try:
        root = _round_trip(text).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise BadInputError(f"{file}:{line}: not valid YAML: {error.problem or error.context}") from None
    except YAMLError as error:
        raise BadInputError(f"{file}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(root, dict):
        raise BadInputError(f"{file}:1: expected a mapping of fields, found {type(root).__name__}")
    return YamlDocument(file=file, text=text, root=root)


def validate(
    document: YamlDocument,
    model: type[Model],
    *,
    at: Path_ = (),
    current_version: int | None,
    migrations: Migrations | None = None,
) -> Model:
    """The subtree at `at` as that model: older versions are migrated in memory, newer ones refused.

    None: a format without a `version` of ours, such as Kubernetes' own objects.

    Raises BadInputError naming file, line, field and what was expected; several faults are listed, at most five.
    """
    node = document.root
    for part in at:
        node = node[part]
    plain = to_plain(node)
    if isinstance(plain, dict) and current_version is not None:
        plain = migrated(plain, document, at, current_version, migrations or {})
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        details = error.errors()
        lines = [_explain(document, model, at, detail) for detail in details[:5]]
        if len(details) > len(lines):
            lines.append(f"… and {len(details) - len(lines)} more")
        raise BadInputError("\n".join(lines), hint="correct the file; nothing was changed") from None


def migrated(
    plain: dict[str, Any], document: YamlDocument, at: Path_, current_version: int, migrations: Migrations
) -> dict[str, Any]:
    """The document in the current version."""
    version = plain.get("version")
    if version is None or isinstance(version, bool) or not isinstance(version, int):
        found = "nothing" if version is None else repr(version)
        raise document.fail(
            [*at, "version"], f"expected the format's version, {current_version}, found {found}", "add `version: 1`"
        )
    if version > current_version:
        raise document.fail(
            [*at, "version"],
            f"version {version} is newer than {current_version}, the newest this scaleproof reads",
            "upgrade scaleproof",
        )
    for step in range(version, current_version):
        if step not in migrations:
            raise document.fail([*at, "version"], f"version {version} is not known; expected 1 to {current_version}")
        plain = migrations[step](plain)
    return plain


def to_plain(node: Any) -> Any:
    """The round-trip tree as plain dicts, lists and scalars."""
    if isinstance(node, dict):
        return {str(key): to_plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [to_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return str(node)


def dotted(field: Path_) -> str:
    """`services.orders.routes[0]`."""
    text = ""
    for part in field:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def write_text(file: Path, text: str) -> None:
    """Replace the file's content whole or not at all, keeping its mode."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        if file.exists():
            unfinished.chmod(file.stat().st_mode & 0o7777)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise BadInputError(f"{file}: cannot be written ({error.strerror})", hint="check the folder's permissions") from None


def _round_trip(text: str) -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    # ruamel re-indents sequences; follow the file's own habit so that a diff shows only what changed.
    habit = re.search(r"^( *)[^\s#-][^\n]*:[ ]*(?:#[^\n]*)?\n(?:[ ]*(?:#[^\n]*)?\n)*( *)- ", text, re.MULTILINE)
    offset = max(len(habit[2]) - len(habit[1]), 0) if habit else 2
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    return yaml


def _explain(document: YamlDocument, model: type[BaseModel], at: Path_, detail: ErrorDetails) -> str:
    field = [*at, *_field_in_file(document, at, detail["loc"])]
    kind, found = detail["type"], detail.get("input")
    where = f"{document.file}:{document.line_of(field)}: {dotted(field)}" if field else f"{document.file}"
    if kind == "extra_forbidden":
        known = _known_fields(model, detail["loc"][:-1])
        close = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
        wanted = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(sorted(known))}" if known else ""
        return f"{where}: unknown field{'; ' + wanted if wanted else ''}"
    if kind == "missing":
        return f"{where}: missing; this field is required"
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "expected", 1)
    shown = "" if isinstance(found, dict | list) else f", found {found!r}"
    return f"{where}: {message[0].lower() + message[1:]}{shown}"


def _field_in_file(document: YamlDocument, at: Path_, loc: Path_) -> list[str | int]:
    """Pydantic's location without the parts (such as union members or `[key]`) that are not in the file."""
    node: Any = document.root
    for part in at:
        node = node[part]
    field: list[str | int] = []
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        inside = (
            part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int) and part < len(node)
        )
        if inside:
            node = node[part]
            field.append(part)
        elif last and part != "[key]" and isinstance(node, dict):
            field.append(part)
    return field


def _known_fields(model: type[BaseModel], loc: Path_) -> list[str]:
    """Names that the file may use at that place."""
    schema = model.model_json_schema(by_alias=True)
    node: Any = schema
    for part in loc:
        node = _resolved(node, schema)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            patterns = list(node.get("patternProperties", {}).values())
            node = node.get("properties", {}).get(part) or (patterns[0] if patterns else node.get("additionalProperties"))
            if not isinstance(node, dict):
                return []
    return list(_resolved(node, schema).get("properties", {}))


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf", []):
        if "$ref" in option:
            node = option
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node
