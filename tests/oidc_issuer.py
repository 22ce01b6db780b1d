"""npm's `oidc-provider` as a process, and somebody who signs in there. Needs Node; the packages are installed once, into the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from service_processes import ROOT, wait_until

SOURCE = ROOT / "tests" / "platform" / "oidc_issuer"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scaleproof" / "oidc-issuer"
NEEDS_NODE = "the test against a real OpenID provider needs Node 18 or newer with npm: `apt-get install nodejs npm`"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel", "error")

FIELD = re.compile(r'name="prompt" value="(\w+)"')
ACTION = re.compile(r'action="([^"]+)"')


def installed() -> Path:
    """The folder with the provider and its packages, exactly those of the lock file. Raises RuntimeError with what to do."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise RuntimeError(NEEDS_NODE)
    files = sorted(file for file in SOURCE.iterdir() if file.is_file())
    folder = CACHE / hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as parent:
                half_done = Path(parent) / "issuer"
                half_done.mkdir()
                for file in files:
                    shutil.copy(file, half_done)
                done = subprocess.run([npm, *INSTALL], cwd=half_done, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise RuntimeError(f"npm ci failed:\n{done.stderr[-2000:]}")
                for old in CACHE.glob("?" * 16):
                    shutil.rmtree(old)
                half_done.rename(folder)
    return folder


class Issuer:
    """The provider; ends with `stop`, or with this process. Started again, it has other keys and remembers nothing."""

    def __init__(self, clients: list[dict[str, object]], log: Path) -> None:
        self.url = ""
        self._clients = clients
        self._log = log
        self._folder = installed()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        with self._log.open("ab") as output:
            self._process = process = subprocess.Popen(
                ["node", "issuer.js", json.dumps({"port": port, "clients": self._clients})],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )

        def is_ready() -> bool:
            assert process.poll() is None, self._log.read_text()
            try:
                answer = httpx.get(f"{self.url}/.well-known/openid-configuration", trust_env=False)
            except httpx.TransportError:
                return False
            return answer.status_code == 200

        wait_until(is_ready, "the provider's discovery document")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sign_in(self, url: str, subject: str, *, breaks_off: bool = False) -> dict[str, str]:
        """In a browser of its own: signs in and agrees to everything, or breaks off. What the browser is sent back with."""
        with httpx.Client(trust_env=False) as client:
            answer = client.get(url)
            for _ in range(12):
                if answer.is_redirect:
                    target = urljoin(str(answer.url), answer.headers["location"])
                    if not target.startswith(f"{self.url}/"):
                        return dict(parse_qsl(urlsplit(target).query, strict_parsing=True))
                    answer = client.get(target)
                    continue
                assert answer.status_code == 200, answer.text
                [prompt], [action] = FIELD.findall(answer.text), ACTION.findall(answer.text)
                if breaks_off:
                    answer = client.get(f"{answer.url}/abort")
                else:
                    answer = client.post(action, data={"prompt": prompt, "login": subject, "password": "any"})
        raise AssertionError("the provider sends the browser round in circles")
