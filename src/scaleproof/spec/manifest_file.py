"""Kubernetes objects out of files: several documents a file, Lists, YAML or JSON, with the line of every field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.yaml_document import Path_, YamlDocument, to_plain

SUFFIXES: Final = (".yaml", ".yml", ".json")
_UNREAD: Final = frozenset({"Secret"})
_RENDER: Final = "give rendered manifests: `helm template …`, `kubectl kustomize …` or `kubectl get … -o yaml`"


@dataclass(frozen=True)
class Manifest:
    """One object as it is written down."""

    body: Mapping[str, Any]
    """Plain dicts, lists and scalars."""
    document: YamlDocument = field(repr=False)
    at: tuple[str | int, ...] = ()
    """Where it lies within its document: `items[2]` of a List."""

    @property
    def kind(self) -> str:
        """Such as Deployment."""
        return str(self.body.get("kind", ""))

    @property
    def name(self) -> str:
        """Of the object."""
        return str(self.mapping("metadata").get("name", ""))

    @property
    def namespace(self) -> str:
        """Empty where the manifest leaves it to whoever applies it."""
        return str(self.mapping("metadata").get("namespace") or "")

    def mapping(self, *path: str) -> Mapping[str, Any]:
        """The mapping at that path; empty where there is none."""
        found = self.value(*path)
        return found if isinstance(found, dict) else {}

    def listing(self, *path: str) -> list[Any]:
        """The list at that path; empty where there is none."""
        found = self.value(*path)
        return found if isinstance(found, list) else []

    def value(self, *path: str | int) -> Any:
        """What is at that path; None where nothing is."""
        node: Any = self.body
        for part in path:
            listed = isinstance(node, list) and isinstance(part, int) and part < len(node)
            if not listed and not (isinstance(node, dict) and part in node):
                return None
            node = node[part]
        return node

    def fail(self, path: Path_, message: str, hint: str | None = None) -> BadInputError:
        """The error for a field, with file and line."""
        return self.document.fail([*self.at, *path], f"{self.kind} {self.name}: {message}", hint)


def read_manifests(paths: Iterable[Path]) -> tuple[Manifest, ...]:
    """Every Kubernetes object in these files, and in the YAML and JSON files of these folders, in order of the files' names.

    Secrets are left out; documents that are no Kubernetes objects (values, kustomizations) are passed over. Raises BadInputError where a
    path does not exist, is not YAML, or where nothing at all was found.
    """
    given = list(paths)
    found = tuple(manifest for path in given for file in _files(path) for manifest in _objects(file))
    if not found:
        names = ", ".join(str(path) for path in given)
        raise BadInputError(f"{names}: no Kubernetes object in it", hint=_RENDER)
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = (file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    return sorted(file for file in inside if not any(part.startswith(".") for part in file.relative_to(path).parts))


def _objects(file: Path) -> Iterator[Manifest]:
    for document in _documents(file):
        yield from _flat(to_plain(document.root), document, ())


def _flat(body: Any, document: YamlDocument, at: tuple[str | int, ...]) -> Iterator[Manifest]:
    if not (isinstance(body, dict) and isinstance(body.get("kind"), str) and body["kind"] and "apiVersion" in body):
        return
    items = body.get("items")
    if body["kind"].endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            # `kubectl get -o yaml` repeats kind and apiVersion in every item; the API's own typed lists do not.
            own = (
                {"apiVersion": body["apiVersion"], "kind": body["kind"].removesuffix("List"), **item}
                if isinstance(item, dict)
                else item
            )
            yield from _flat(own, document, (*at, "items", index))
    elif body["kind"] not in _UNREAD:
        yield Manifest(body, document, at)


def _documents(file: Path) -> Iterator[YamlDocument]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file or folder", hint="name a manifest, or a folder of them") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{file}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read ({error.strerror})", hint="check the file's permissions") from None
    try:
        for root in YAML(typ="rt").load_all(text):
            yield YamlDocument(file=file, text=text, root=root)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise BadInputError(f"{file}:{line}: not valid YAML: {error.problem or error.context}", hint=_RENDER) from None
    except YAMLError as error:
        raise BadInputError(f"{file}: not valid YAML: {str(error).splitlines()[0]}", hint=_RENDER) from None
