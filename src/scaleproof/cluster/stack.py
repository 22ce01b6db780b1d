"""The stack on a cluster: up, preview, refresh and down through Pulumi's Automation API, with the program in this process."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pulumi.automation import CommandError, ConcurrentUpdateError, LocalWorkspace, Stack, StackNotFoundError

from scaleproof.cluster.engine_words import Change, explained, read_change
from scaleproof.cluster.pending_creates import adopted
from scaleproof.cluster.pulumi_process import PulumiProcess
from scaleproof.cluster.stack_lock import lives, read_locks, this_host
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile
from scaleproof.tuner.ports import Progress

Result = TypeVar("Result")
UNCHANGED: Final = frozenset({"same", "read"})


@dataclass(frozen=True)
class Changes:
    """What an update would do, or did: resources by operation (create, update, delete, replace, same …), and which."""

    counts: Mapping[str, int]
    resources: tuple[Change, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything is not as the program says."""
        return any(count for operation, count in self.counts.items() if operation not in UNCHANGED)

    def __str__(self) -> str:
        counted = ", ".join(f"{count} to {name}" for name, count in self.counts.items() if name not in UNCHANGED and count)
        return counted or "no changes"


@dataclass
class _Seen:
    """The engine's output as progress."""

    progress: Progress
    begun: float = field(default_factory=time.monotonic)
    changes: list[Change] = field(default_factory=list)

    def line(self, line: str) -> None:
        change = read_change(line)
        elapsed = time.monotonic() - self.begun
        if change is None:
            return
        self.progress.advance(elapsed, str(change))
        if change.done and change.kind != "Stack":
            self.progress.say(f"{change} ({elapsed:.0f} s)")
        if change not in self.changes:
            self.changes.append(change)


class KubeStack:
    """One stack of a project whose Pulumi.yaml lies in `project`; `program` registers its resources.

    State is kept where the user's Pulumi keeps it (PULUMI_BACKEND_URL). Every verb raises BadInputError where Pulumi is not
    installed or not set up, CannotMeasureError where the cluster does not do what it should; after Ctrl-C, and after anything
    that `watch` raises, the engine has ended and the stack is not locked.
    """

    def __init__(
        self, project: Path, stack: str, program: Callable[[], None], *, environment: Mapping[str, str] | None = None
    ) -> None:
        if not (project / "Pulumi.yaml").is_file():
            raise BadInputError(
                f"{project / 'Pulumi.yaml'}: missing, so this folder is no Pulumi project",
                hint="copy the one of the reference platform: a name, `runtime: python` and `main: infra/`",
            )
        self._file = StackFile.of(project, stack)
        self._project = project.absolute()
        self._name = stack
        self._process = PulumiProcess()
        self._workspace = LocalWorkspace(
            work_dir=str(self._project), program=program, env_vars=dict(environment or {}), pulumi_command=self._process
        )

    def up(
        self, progress: Progress, *, policy: Policy | None = None, watch: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Make the cluster what the program says; returns the stack's outputs. `policy` stands in for the stack file's."""
        progress.stage(f"pulumi up ({self._name})", None)
        seen = _Seen(progress)
        with self._configured(policy) as config_file, self._guarded("pulumi up", progress, watch):
            stack = self._stack()
            self._unlocked(stack, progress, lambda: self._adopt_pending(stack, progress))
            result = self._unlocked(
                stack,
                progress,
                lambda: stack.up(on_output=seen.line, color="never", config_file=config_file, suppress_outputs=True),
            )
        return {name: output.value for name, output in result.outputs.items()}

    def preview(self, progress: Progress, *, refresh: bool = False) -> Changes:
        """What `up` would change. With `refresh`, drift of the cluster is looked for first; nothing is changed in either case."""
        progress.stage(f"pulumi preview ({self._name})", None)
        seen = _Seen(progress)
        with self._guarded("pulumi preview", progress, None):
            result = self._stack().preview(on_output=seen.line, color="never", refresh=refresh)
        return Changes(_counts(result.change_summary), tuple(each for each in seen.changes if each.kind != "Stack"))

    def refresh(self, progress: Progress) -> Changes:
        """Read the cluster into the stack's state. Returns what was found different."""
        progress.stage(f"pulumi refresh ({self._name})", None)
        seen = _Seen(progress)
        with self._guarded("pulumi refresh", progress, None):
            stack = self._stack()
            result = self._unlocked(stack, progress, lambda: stack.refresh(on_output=seen.line, color="never"))
        return Changes(_counts(result.summary.resource_changes), tuple(each for each in seen.changes if each.kind != "Stack"))

    def down(self, progress: Progress) -> bool:
        """Delete everything of the stack; its history and the file Pulumi.<stack>.yaml stay. Returns whether there was anything."""
        progress.stage(f"pulumi destroy ({self._name})", None)
        seen = _Seen(progress)
        with self._guarded("pulumi destroy", progress, None):
            try:
                stack = Stack.select(self._name, self._workspace)
            except StackNotFoundError:
                return False
            result = self._unlocked(stack, progress, lambda: stack.destroy(on_output=seen.line, color="never"))
        return bool(_counts(result.summary.resource_changes).get("delete"))

    def outputs(self) -> dict[str, Any]:
        """Of the last `up`. Raises CannotMeasureError where there was none."""
        with self._guarded("pulumi stack output", None, None):
            try:
                found = Stack.select(self._name, self._workspace).outputs()
            except StackNotFoundError:
                found = {}
        if not found:
            raise CannotMeasureError(
                f"stack {self._name} is not up", hint=f"start it with: scaleproof up --target kube --stack {self._name}"
            )
        return {name: output.value for name, output in found.items()}

    # --- joined from these ------------------------------------------------------------------------------------------

    def _stack(self) -> Stack:
        return Stack.create_or_select(self._name, self._workspace)

    def _unlocked(self, stack: Stack, progress: Progress, action: Callable[[], Result]) -> Result:
        """Do it; where a run that was killed on this machine has left the stack locked, unlock it and do it then."""
        try:
            return action()
        except ConcurrentUpdateError as error:
            locks = read_locks(str(error))
            if not locks or not all(lock.is_abandoned(this_host(), lives) for lock in locks):
                raise
            stack.cancel()
            progress.say(f"an interrupted run (process {locks[0].pid}) had left the stack locked: unlocked")
            return action()

    def _adopt_pending(self, stack: Stack, progress: Progress) -> None:
        """What a killed engine was just creating may exist without being in the stack's state: it is read into it."""
        # Not by the Automation API's export, which decrypts the stack's secrets.
        state = json.loads(self._pulumi("stack", "export"))
        adoption = adopted(state.get("deployment") or {})
        if not adoption.urns:
            return
        progress.say(f"an interrupted run was creating {', '.join(adoption.ids)}: looking what became of it")
        with tempfile.TemporaryDirectory(prefix="scaleproof-") as folder:
            file = Path(folder) / "state.json"
            file.write_text(json.dumps({**state, "deployment": adoption.deployment}))
            self._pulumi("stack", "import", "--file", str(file))
        stack.refresh(target=list(adoption.urns), color="never")

    def _pulumi(self, *order: str) -> str:
        answer = self._process.run([*order, "--stack", self._name], str(self._project), dict(self._workspace.env_vars))
        return str(answer.stdout)

    @contextmanager
    def _configured(self, policy: Policy | None) -> Iterator[str | None]:
        """A copy of the stack's file with another policy; None where the file says the same."""
        if policy is None or policy == self._file.read():
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="scaleproof-") as folder:
            copy = Path(folder) / self._file.file.name
            shutil.copy(self._file.file, copy)
            StackFile(copy).write(policy)
            yield str(copy)

    @contextmanager
    def _guarded(self, verb: str, progress: Progress | None, watch: Callable[[], None] | None) -> Iterator[None]:
        """The engine's failures as ours; a lock that a killed engine left is removed."""
        self._process.watch, self._process.killed = watch, False
        try:
            yield
        except ConcurrentUpdateError as error:
            locks = read_locks(str(error))
            owner = f": {locks[0].user}@{locks[0].host} (process {locks[0].pid}) holds it" if locks else ""
            raise CannotMeasureError(
                f"stack {self._name} is in use{owner}", hint=f"wait; if it is gone: pulumi cancel --stack {self._name} --yes"
            ) from None
        except CommandError as error:
            result = error.args[0] if error.args else ""
            output, _, errors = str(result).partition("\n stderr: ")
            raise explained(verb, output, errors) from None
        except BaseException:
            if self._process.killed:
                with suppress(CommandError):
                    Stack.select(self._name, self._workspace).cancel()
                if progress is not None:
                    progress.say("the engine had to be killed: `scaleproof refresh` finds out what it had done")
            raise
        finally:
            self._process.watch = None


def _counts(changes: Mapping[Any, int] | None) -> dict[str, int]:
    """By the operation's name, whichever way the engine's answer was read."""
    return {str(getattr(name, "value", name)): count for name, count in (changes or {}).items()}
