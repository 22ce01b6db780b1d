"""The reference platform as a user has it: a folder, the stack `cluster`, and the `scaleproof` command in it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from scaleproof.telemetry.run import Run, read_run

ROOT = Path(__file__).parents[2]
STACK = "cluster"
NAMESPACE = f"reference-{STACK}"


def heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class ReferenceStack:
    """Copies what is edited and links what is not."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        folder.mkdir()
        for name in ("services", "loadtests", "infra"):
            (folder / name).symlink_to(ROOT / name)
        for name in ("platform.yaml", "Pulumi.yaml", f"Pulumi.{STACK}.yaml"):
            (folder / name).write_text((ROOT / name).read_text())

    @property
    def stack_file(self) -> Path:
        return self.folder / f"Pulumi.{STACK}.yaml"

    @property
    def state(self) -> Path:
        """Where the engine keeps the stack."""
        return Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))

    def start(self, verb: str, *arguments: str) -> subprocess.Popen[str]:
        """The verb, whose progress goes to a file that can be read meanwhile."""
        with (self.folder / "progress.log").open("w") as progress:
            return subprocess.Popen(
                [sys.executable, "-m", "scaleproof", verb, "--target", "kube", "--stack", STACK, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=progress,
                text=True,
                # As a terminal starts it: what runs in a script's background ignores Ctrl-C, and so would its children.
                preexec_fn=heed_ctrl_c,  # noqa: PLW1509  it takes no lock
            )

    @property
    def progress(self) -> str:
        """Of the verb that was started last."""
        return (self.folder / "progress.log").read_text()

    def ended(self, process: subprocess.Popen[str], *, expect: tuple[int, ...] = (0,), timeout: float = 600) -> tuple[str, str]:
        """(answer, progress) of a verb that ended as expected."""
        out, _ = process.communicate(timeout=timeout)
        assert process.returncode in expect, f"{process.args} ended with {process.returncode}:\n{out}\n{self.progress}"
        return out, self.progress

    def scaleproof(self, verb: str, *arguments: str, expect: tuple[int, ...] = (0,), timeout: float = 600) -> tuple[str, str]:
        return self.ended(self.start(verb, *arguments), expect=expect, timeout=timeout)

    def kubectl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["kubectl", *arguments], env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, document: dict[str, Any]) -> None:
        """Create it, or make it so."""
        file = self.folder / "applied.json"
        file.write_text(json.dumps(document))
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        """As `kubectl edit` would."""
        self.kubectl(
            "-n", NAMESPACE, "patch", kind, name, "--type=merge", "--field-manager=kubectl-edit", "-p", json.dumps(patch)
        )

    def token(self) -> str:
        """An access token of a generated member of staff, as `load.prepare` makes them."""
        command = ("python", "-m", "services.identity.sample_sessions", "--staff", "1")
        printed = self.kubectl("-n", NAMESPACE, "exec", "deployment/identity", "--", *command)
        token: str = json.loads(printed)["access_token"]
        return token

    def get(self, path: str, token: str | None = None) -> tuple[int, bytes]:
        """What the gateway answers, asked from the node."""
        service = json.loads(self.kubectl("-n", "envoy-gateway-system", "get", "service", f"{NAMESPACE}-gateway", "-o", "json"))
        url = f"http://{service['spec']['clusterIP']}:8080{path}"
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def last_run(self) -> Run:
        return read_run((self.folder / "runs/latest").resolve())
