"""A resource monitor that only writes down what a program registers: pulumi's own mocks, with the options of each resource."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc

SECRET_KEY = "4dabf18193072939515e22adb298388d"
"""How Pulumi marks a secret on the wire."""


@dataclass
class Declared:
    """One registered resource."""

    type: str
    name: str
    inputs: dict[str, Any]
    ignore_changes: list[str]
    depends_on: list[str]
    """Logical names."""
    parent: str
    secrets: list[str] = field(default_factory=list)
    """Top-level inputs that are secret."""


class Cluster(mocks.Mocks):
    """Every object gets a uid, as from an API server."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = dict(args.inputs)
        if "metadata" in state:
            state["metadata"] = {**state["metadata"], "uid": f"uid-of-{args.name}"}
        return f"id-of-{args.name}", state

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"{args.token}: no invokes: they need a provider at preview")


class RecordingMonitor(mocks.MockMonitor):
    """Writes down what the mocks do not pass on."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.declared: list[Declared] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.declared.append(
            Declared(
                type=request.type,
                name=request.name,
                inputs={key: revealed(value) for key, value in inputs.items()},
                ignore_changes=list(request.ignoreChanges),
                depends_on=[urn.rsplit("::", 1)[-1] for urn in request.dependencies],
                parent=request.parent.rsplit("::", 1)[-1],
                secrets=[key for key, value in inputs.items() if isinstance(value, Mapping) and SECRET_KEY in value],
            )
        )
        return super().RegisterResource(request)


def revealed(value: Any) -> Any:
    """Without the marks of secrets."""
    if isinstance(value, Mapping):
        return revealed(value["value"]) if SECRET_KEY in value else {key: revealed(each) for key, each in value.items()}
    return [revealed(each) for each in value] if isinstance(value, list) else value


def run(program: Callable[[], object], *, config: Mapping[str, object] | None = None, stack: str = "dev") -> list[Declared]:
    """Run a program; everything it registers, in the order of registration."""
    # Pulumi takes the thread's event loop, which a test before this one may have ended (`asyncio.run` does).
    asyncio.set_event_loop(asyncio.new_event_loop())
    cluster = Cluster()
    monitor = RecordingMonitor(cluster)
    mocks.set_mocks(cluster, project="scaleproof", stack=stack, preview=False, monitor=monitor)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (config or {}).items()}
    pulumi.runtime.set_all_config(texts, [key for key in texts if key == "scaleproof:databaseUrl"])
    pulumi.runtime.test(lambda: program() and None)()
    return monitor.declared
