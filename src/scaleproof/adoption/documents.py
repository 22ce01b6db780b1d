"""Kubernetes objects out of text: YAML with several documents, JSON, Lists, what `helm template` and `kustomize build` print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from scaleproof.spec.errors import BadInputError

NEVER_READ: Final = frozenset({"Secret"})
"""Dropped where they are met: nothing of them is kept, shown or written."""


@dataclass(frozen=True)
class Document:
    """One object and where it came from: a file's name, or the cluster."""

    body: Mapping[str, Any]
    origin: str

    @property
    def group(self) -> str:
        """`apps` of `apps/v1`; empty for the core group."""
        return words(self.body.get("apiVersion")).rpartition("/")[0]

    @property
    def kind(self) -> str:
        """Such as Deployment."""
        return words(self.body.get("kind"))

    @cached_property
    def name(self) -> str:
        """`metadata.name`; empty where there is none."""
        return words(self.metadata.get("name"))

    @cached_property
    def namespace(self) -> str:
        """`metadata.namespace`; empty where the manifest leaves it to kubectl."""
        return words(self.metadata.get("namespace"))

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """`metadata`."""
        return mapping(self.body.get("metadata"))

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """`spec`."""
        return mapping(self.body.get("spec"))

    def near(self, other: Document) -> bool:
        """Both may be of one namespace: manifests often do not say theirs."""
        return not self.namespace or not other.namespace or self.namespace == other.namespace

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.origin})"


def documents_of(text: str, origin: str) -> list[Document]:
    """The objects in the text, without Secrets. What is no Kubernetes object is left out.

    Raises BadInputError with the line where the text is neither YAML nor JSON.
    """
    return [document for body in parsed(text, origin) for document in _objects(body, origin)]


def parsed(text: str, origin: str) -> list[Any]:
    """The documents of the text as plain values. Raises BadInputError with the line."""
    hint = "a Helm template: render it first, `helm template CHART | scaleproof init --manifests -`" if "{{" in text else None
    try:
        if text.lstrip().startswith(("{", "[")):
            try:
                return [json.loads(text)]
            except ValueError:
                pass  # YAML in flow style; if it is neither, YAML's message has the line
        yaml = YAML(typ="safe", pure=True)
        yaml.allow_duplicate_keys = True  # charts print them, and kubectl takes them
        return list(yaml.load_all(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInputError(f"{origin}:{line}: not valid YAML: {error.problem or error.context}", hint=hint) from None
    except (YAMLError, ValueError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInputError(f"{origin}: not valid YAML: {first}", hint=hint) from None
    except RecursionError:
        raise BadInputError(f"{origin}: nested too deeply to be a manifest") from None


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> list[Mapping[str, Any]]:
    """The mappings of a list; none where it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def words(value: object) -> str:
    """The value where it is text, otherwise nothing."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """The value where it is a whole number, otherwise None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _objects(body: object, origin: str) -> Iterator[Document]:
    if not isinstance(body, Mapping):
        return
    kind = words(body.get("kind"))
    items = body.get("items")
    if kind.endswith("List") and isinstance(items, list):
        # Items of a DeploymentList do not repeat their kind, those of a List do.
        head = {} if kind == "List" else {"apiVersion": body.get("apiVersion"), "kind": kind.removesuffix("List")}
        for item in entries(items):
            yield from _objects({**head, **item}, origin)
    elif kind and kind not in NEVER_READ:
        yield Document(body, origin)
