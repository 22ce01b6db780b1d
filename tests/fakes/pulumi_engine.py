"""A `pulumi` that says what the real one says, as a shell script: the fake of the engine. It keeps no state but its orders."""

from __future__ import annotations

import os
from pathlib import Path

SCRIPT = r"""#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/orders"
case "$*" in
  *version*) echo v3.250.0; exit 0;;
  *"stack select"*) [ -e "$here/no-stack" ] && { echo "error: no stack named 'dev' found" >&2; exit 1; }; exit 0;;
  *"stack init"*) rm -f "$here/no-stack"; exit 0;;
  *"stack export"*) cat "$here/state"; exit 0;;
  *"stack import"*) exit 0;;
  *"stack output"*) cat "$here/outputs"; exit 0;;
  *"stack history"*)
    echo "[{\"kind\":\"update\",\"startTime\":\"2026-11-24T00:00:00.000Z\",\"message\":\"\",\"environment\":{},\"config\":{},\"result\":\"succeeded\",\"resourceChanges\":$(cat "$here/changes")}]"
    exit 0;;
  *cancel*) rm -f "$here/locked"; exit 0;;
esac
if [ -e "$here/locked" ]; then
  echo "error: the stack is currently locked by 1 lock(s)." >&2
  echo "  file:///l.json: created by root@$(cat "$here/locked") at 2026-11-24T00:01:02Z" >&2
  exit 1
fi
[ -e "$here/log" ] && cat "$here/log"
for argument in "$@"; do case $argument in */Pulumi.dev.yaml|--config-file=*) cp "${argument#--config-file=}" "$here/given.yaml";; esac; done
if [ -e "$here/hangs" ]; then
  trap 'echo interrupted >> "$here/orders"; [ -e "$here/stubborn" ] || exit 1' INT
  echo hanging >> "$here/orders"
  while :; do sleep 0.05; done
fi
[ -e "$here/errors" ] && { cat "$here/errors"; exit 1; }
exit 0
"""


class FakeEngine:
    """Files beside it say how it behaves: locked, log, hangs, stubborn, errors, no-stack, outputs, changes, state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / "pulumi"
        file.write_text(SCRIPT)
        file.chmod(0o755)
        self.set("outputs", "{}")
        self.set("changes", "{}")
        self.set("state", '{"version": 3, "deployment": {}}')
        self.path = f"{folder}{os.pathsep}{os.environ['PATH']}"

    def set(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)

    @property
    def orders(self) -> list[str]:
        file = self.folder / "orders"
        return file.read_text().splitlines() if file.exists() else []
