"""What the front end takes and sends, as TypeScript: made of the services' OpenAPI documents, so that a field that changes is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from services.dashboard.app import create_app as create_dashboard
from services.dashboard.settings import Settings as DashboardSettings
from services.identity.app import create_app as create_identity
from services.identity.settings import Settings as IdentitySettings
from services.orders.app import create_app as create_orders
from services.orders.settings import Settings as OrdersSettings

WANTED = {
    "identity": ["AccessToken", "Credentials", "ProviderList"],
    "orders": ["BestSellingProducts", "DailyRevenue", "OrderPage"],
    "dashboard": [
        "Layout",
        "LayoutDraft",
        "LayoutPage",
        "Preferences",
        "StoredPreferences",
        "Shares",
        "StoredShares",
        "ReplicaHistory",
        "HealthHistory",
        "ProblemDocument",
    ],
}
"""By service; what these refer to comes with them."""
_NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1/nothing",
    "ORDERS_URL": "http://127.0.0.1:9",
    "KEY_SEAL": "A" * 43 + "=",
}
"""Nothing is connected before an application starts, and none of these does."""
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
Schema = Mapping[str, Any]


def api_types() -> str:
    """The file `web/src/api/types.ts`."""
    lines = ["// Made by `make generated` of the services' OpenAPI documents (scripts/api_types.py). Not to be edited."]
    written: dict[str, str] = {}
    for service, app in applications().items():
        schemas = app.openapi()["components"]["schemas"]
        for name in reachable(schemas, WANTED[service]):
            text = declared(name, schemas[name])
            if written.setdefault(name, text) != text:
                raise ValueError(f"two services mean different things by {name}")
    return "\n\n".join([*lines, *(written[name] for name in sorted(written))]) + "\n"


def applications() -> dict[str, FastAPI]:
    """Of every service; none is started."""
    return {
        "identity": create_identity(IdentitySettings.from_environment(_NOWHERE, service="identity")),
        "orders": create_orders(OrdersSettings.from_environment(_NOWHERE, service="orders")),
        "dashboard": create_dashboard(DashboardSettings.from_environment(_NOWHERE, service="dashboard")),
    }


def reachable(schemas: Mapping[str, Schema], names: list[str]) -> list[str]:
    """These, and what they refer to."""
    found: dict[str, None] = {}
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += references(schemas[name])
    return list(found)


def references(schema: Any) -> list[str]:
    """Names of schemas, anywhere in it."""
    if isinstance(schema, list):
        return [name for each in schema for name in references(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
    return own + [name for key, each in schema.items() if key != "discriminator" for name in references(each)]


def declared(name: str, schema: Schema) -> str:
    """One type, with the description as its comment."""
    comment = f"/** {schema['description']} */\n" if "description" in schema else ""
    if "properties" not in schema:
        return f"{comment}export type {name} = {type_of(schema)};"
    return f"{comment}export interface {name} {members(schema, '')}"


def members(schema: Schema, indent: str) -> str:
    """The fields. One that has a default is always there in answers, and is sent as well."""
    inner = indent + "  "
    lines = []
    for name, each in schema["properties"].items():
        sure = name in schema.get("required", ()) or "default" in each or "null" in type_of(each).split(" | ")
        if "description" in each:
            lines.append(f"{inner}/** {each['description']} */")
        lines.append(f"{inner}{name}{'' if sure else '?'}: {type_of(each, inner)};")
    return "\n".join(["{", *lines, indent + "}"])


def type_of(schema: Schema, indent: str = "") -> str:
    """The type, on one line unless it has fields of its own."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    kinds = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(schema.get("type"), list):
        kinds = [{**schema, "type": each} for each in schema["type"]]
    if kinds:
        return " | ".join(type_of(each, indent) for each in kinds)
    if schema.get("type") == "array":
        item = type_of(schema["items"], indent)
        return f"({item})[]" if " | " in item else f"{item}[]"
    if "properties" in schema:
        return members(schema, indent)
    return _PLAIN.get(schema.get("type", ""), "Record<string, unknown>")
