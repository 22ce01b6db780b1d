"""JSON schemas of everything a cluster serves, out of its own OpenAPI document: no schema is fetched from anywhere.

Every object with named properties is closed, as kubeconform's own `strict` schemas are: an unknown field is an error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
PREFIX = "#/definitions/"
GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
LOCATION = "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
"""kubeconform's template of a schema's file."""


def write_schemas(openapi: Schema, folder: Path) -> int:
    """One file a kind, named as LOCATION says, with the definitions it needs. Returns how many."""
    definitions = {name: closed(schema) for name, schema in openapi["definitions"].items()}
    count = 0
    for name, schema in openapi["definitions"].items():
        for kind in schema.get(GROUP_VERSION_KIND, []):
            file = folder / (kind["group"] or kind["version"]) / f"{kind['kind'].lower()}_{kind['version']}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            needed = {each: definitions[each] for each in closure(name, definitions)}
            file.write_text(json.dumps({"$ref": f"{PREFIX}{name}", "definitions": needed}))
            count += 1
    return count


def closed(schema: Any) -> Any:
    """With unknown properties forbidden where some are named, and the two types that OpenAPI has no word for."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: closed(value) for key, value in schema.items() if not key.startswith("x-") and key not in {"default", "properties"}
    }
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if schema.get("description", "").startswith("Quantity is a fixed-point representation"):
        return {"type": ["number", "string"]}
    named = "properties" in schema
    if named:
        # Not a schema itself: a property may be called `description`, `format` or `default`.
        found["properties"] = {name: closed(value) for name, value in schema["properties"].items()}
    if named and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found["additionalProperties"] = False
    return found


def closure(name: str, definitions: dict[str, Any]) -> set[str]:
    """The definition and all that it refers to."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += references(definitions[current])
    return found


def references(schema: Any) -> list[str]:
    """Names of the definitions that a schema refers to."""
    if isinstance(schema, list):
        return [name for each in schema for name in references(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].removeprefix(PREFIX)] if isinstance(schema.get("$ref"), str) else []
    return own + [name for value in schema.values() for name in references(value)]
