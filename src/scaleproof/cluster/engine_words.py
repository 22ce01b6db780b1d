"""What Pulumi's engine prints, in fewer words: what it changes as it goes, and why it failed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from scaleproof.spec.errors import BadInputError, CannotMeasureError, ScaleproofError

_CHANGE: Final = re.compile(
    r"^\s*(?:@ )?(?P<sign>[~+-]{1,2}|\+-|-\+|<|>|=)\s+(?P<type>[\w.\-]+:[\w./\-]+:[\w\-]+)\s+(?P<name>\S+)\s+"
    r"(?P<done>created|updated|deleted|replaced|created replacement|deleted original|creating|updating|deleting|create|update|delete|replace)\b"
)
_DONE: Final = frozenset({"created", "updated", "deleted", "replaced"})
_ERROR: Final = re.compile(r"^\s*error: (.*)$")
_BARE: Final = ("update failed", "preview failed", "refresh failed", "destroy failed", "one or more errors occurred")


@dataclass(frozen=True)
class Change:
    """One resource that the engine changes, or would change."""

    kind: str
    name: str
    what: str

    @property
    def done(self) -> bool:
        """Whether it has happened."""
        return self.what in _DONE

    def __str__(self) -> str:
        return f"{self.what} {self.kind} {self.name}"


@dataclass(frozen=True)
class Failure:
    """A way in which the engine fails, known by its words."""

    pattern: str
    message: str
    hint: str
    user_error: bool = True


FAILURES: Final = (
    Failure(
        r"PULUMI_ACCESS_TOKEN must be set|not logged in|please run `?pulumi login",
        "Pulumi does not know where to keep its state",
        "`pulumi login --local`, or set PULUMI_BACKEND_URL (such as file://~/.pulumi-state)",
    ),
    Failure(
        r"passphrase must be set|PULUMI_CONFIG_PASSPHRASE",
        "Pulumi needs the passphrase of the stack's secrets",
        "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
    ),
    Failure(r"incorrect passphrase", "the passphrase of the stack's secrets is wrong", "set PULUMI_CONFIG_PASSPHRASE aright"),
    Failure(
        r"no resource plugin .*kubernetes|could not (?:load|find).*plugin.*kubernetes|failed to download plugin|Could not find latest version",
        "Pulumi's Kubernetes provider is not installed, and could not be fetched",
        "`pulumi plugin install resource kubernetes` where there is a network",
    ),
    Failure(
        r"configured Kubernetes cluster is unreachable",
        "Pulumi's Kubernetes provider does not reach the cluster",
        "is it up, and is it the one that `kubectl config current-context` names?",
        user_error=False,
    ),
    Failure(
        r"was not created: it already exists|AlreadyExists|already exists",
        "the cluster already has objects that the stack's state does not know, such as an interrupted run may leave",
        "delete them, or take them into the state with `pulumi import`; then run it again",
        user_error=False,
    ),
    Failure(
        r"field conflict|conflicts? with \"",
        "somebody else owns fields that the stack sets",
        "`scaleproof preview --target kube --refresh` shows them; undo the change made by hand, or annotate pulumi.com/patchForce",
        user_error=False,
    ),
)


def read_change(line: str) -> Change | None:
    """A line of the engine's progress; None where it tells of no resource."""
    match = _CHANGE.match(line)
    if match is None:
        return None
    return Change(match["type"].rpartition(":")[2], match["name"], match["done"].split(maxsplit=1)[0])


def explained(verb: str, output: str, errors: str) -> ScaleproofError:
    """Why the engine failed: a known way, or its own diagnostics without the frame."""
    text = f"{output}\n{errors}"
    said = diagnostics(text)
    for failure in FAILURES:
        if re.search(failure.pattern, text):
            kind = BadInputError if failure.user_error else CannotMeasureError
            return kind(failure.message + (f" ({said[0][:200]})" if said else ""), hint=failure.hint)
    if not said:
        last = [line for line in text.splitlines() if line.strip()][-3:]
        said = [" ".join(last) or "it printed nothing"]
    return CannotMeasureError(
        f"`{verb}` failed: " + "; ".join(each[:400] for each in said[:4]),
        hint="`scaleproof preview --target kube` shows the plan",
    )


def diagnostics(text: str) -> list[str]:
    """Every distinct error that the engine names, with what it says below it, in one line each."""
    found: list[str] = []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        match = _ERROR.match(line)
        if match is None or match[1].strip().startswith(_BARE):
            continue
        parts = [match[1].strip()]
        indent = len(line) - len(line.lstrip())
        for following in lines[index + 1 : index + 5]:
            if not following.strip() or len(following) - len(following.lstrip()) < indent or _ERROR.match(following):
                break
            parts.append(following.strip())
        said = " ".join(parts)
        if said not in found:
            found.append(said)
    return found
