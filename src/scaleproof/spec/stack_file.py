"""The policy in `Pulumi.<stack>.yaml`: read, and edited in place with comments kept."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import POLICY_VERSION, Policy
from scaleproof.spec.yaml_document import YamlDocument, read_yaml, validate, write_text

POLICY_KEY = "scaleproof:policy"
_AT = ("config", POLICY_KEY)


class StackFile:
    """A stack's file as the store of its policy (the adapter of `tuner.ports.PolicyStore`)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._original: str | None = None

    @classmethod
    def of(cls, project: Path, stack: str) -> StackFile:
        """`Pulumi.<stack>.yaml` in the project's folder. Raises BadInputError where the stack's name is not one."""
        if not stack or not all(c.isalnum() or c in "-_." for c in stack):
            raise BadInputError(f"stack {stack!r}: expected letters, digits, - _ .", hint="see `pulumi stack ls`")
        return cls(project / f"Pulumi.{stack}.yaml")

    def read(self) -> Policy:
        """The policy. Raises BadInputError with file, line, field and expectation."""
        document = self._document()
        if self._original is None:
            self._original = document.text
        return self._policy(document)

    def preview(self, policy: Policy) -> str:
        """The unified diff that `write` would make; empty where nothing would change."""
        document = self._document()
        return self._diff(document.text, self._edited(document, policy))

    def write(self, policy: Policy) -> str:
        """Edit the file in place, whole or not at all. Returns the unified diff; empty where nothing changed."""
        document = self._document()
        if self._original is None:
            self._original = document.text
        edited = self._edited(document, policy)
        if edited != document.text:
            write_text(self.file, edited)
        return self._diff(document.text, edited)

    def restore(self) -> None:
        """Put back what the file held when it was first read here."""
        if self._original is not None and self.file.read_text(encoding="utf-8") != self._original:
            write_text(self.file, self._original)

    def _document(self) -> YamlDocument:
        document = read_yaml(self.file)
        config = document.root.get("config")
        if not isinstance(config, dict) or not isinstance(config.get(POLICY_KEY), dict):
            raise document.fail(
                ["config"] if "config" in document.root else [],
                f"expected config.{POLICY_KEY} with autoscaling and resources per service",
                "see `Pulumi.dev.yaml` of the reference platform, or README.md",
            )
        return document

    @staticmethod
    def _policy(document: YamlDocument) -> Policy:
        return validate(document, Policy, at=_AT, current_version=POLICY_VERSION)

    def _edited(self, document: YamlDocument, policy: Policy) -> str:
        before = _as_plain(self._policy(document))
        after = _as_plain(policy)
        if before == after:
            return document.text
        _merge(document.root["config"][POLICY_KEY], before, after)
        return document.dumped()

    def _diff(self, before: str, after: str) -> str:
        name = self.file.name
        return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}"))


def read_policy(file: Path) -> Policy:
    """The policy in `Pulumi.<stack>.yaml`. Raises BadInputError with file, line, field and expectation."""
    return StackFile(file).read()


def _as_plain(policy: Policy) -> dict[str, Any]:
    plain: dict[str, Any] = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain


def _merge(node: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Change in `node` only what differs between `before` and `after`, so that comments and layout elsewhere stay."""
    for key in before.keys() - after.keys():
        node.pop(key, None)
    for key, value in after.items():
        old = before.get(key)
        if old == value:
            continue
        current = node.get(key)
        if isinstance(current, dict) and isinstance(value, dict) and isinstance(old, dict):
            _merge(current, old, value)
        elif (
            isinstance(current, list) and isinstance(value, list) and isinstance(old, list) and _same_shape(current, old, value)
        ):
            for item, old_item, new_item in zip(current, old, value, strict=True):
                _merge(item, old_item, new_item)
        else:
            node[key] = value


def _same_shape(current: list[Any], old: list[Any], new: list[Any]) -> bool:
    return len(current) == len(old) == len(new) and all(isinstance(item, dict) for item in [*current, *old, *new])
