"""Identity as generated requests meet it: with users, sessions, a real OpenID provider, and somebody with every role whose token they carry."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import oidc_issuer
from service_processes import ROOT, Replica, free_port

from services.common.tokens.principal import Role
from services.identity.cookie import NAME
from services.identity.setup import FirstAdmin, setup

API = "/api/v1/identity"
SEAL = bytes(range(32))
PROVIDER = "corp"
SECRET = "secret of a client"
EMAIL, PASSWORD = "admin@example.org", "correct horse battery"
CHANGED, WITH_SESSIONS = 600, 600
"""Users whom requests change and delete, and others whose sessions they renew and end."""


class IdentityUnderFuzzing:
    """Ends with the stack that it was given."""

    def __init__(self, database_url: str, redis_url: str, folder: Path, ending: ExitStack) -> None:
        self._file = folder / "known.json"
        first_admin = folder / "first-admin"
        first_admin.write_text(f"{EMAIL}\n{PASSWORD}\n")
        admin = FirstAdmin.from_environment({"FIRST_ADMIN_FILE": str(first_admin)})
        assert setup(database_url, seal=SEAL, admin=admin, now=time.time())
        self._environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "KEY_SEAL": base64.b64encode(SEAL).decode(),
            **self._start_provider(folder, ending),
        }
        self.replica = Replica("identity", self._environment, folder / "identity.log")
        ending.callback(self.replica.stop)
        self.replica.wait_ready()
        self._refresh_token = ""
        self._known = {"own_id": self._become_everything(), **self._make_others()}
        self._file.write_text(json.dumps(self._known))

    @property
    def environment(self) -> dict[str, str]:
        """What identity_visitor.py is told; with a token that is good for ten minutes from now on."""
        answer = self.replica.client.post(f"{API}/sessions/refresh", headers={"cookie": f"{NAME}={self._refresh_token}"})
        return {
            "SCHEMATHESIS_HOOKS": "identity_visitor",
            "FUZZING_KNOWN": str(self._file),
            "FUZZING_TOKEN": self._taken(answer)["access_token"],
        }

    def _start_provider(self, folder: Path, ending: ExitStack) -> dict[str, str]:
        port, name = free_port(), PROVIDER.upper()
        redirect_uri = f"http://127.0.0.1{API}/oidc/{PROVIDER}/callback"
        client = {"client_id": "shop", "client_secret": SECRET, "redirect_uris": [redirect_uri]}
        provider = oidc_issuer.Issuer([client], folder / "provider.log")
        ending.callback(provider.stop)
        provider.start(port)
        self._issuer = provider.url
        return {
            "OIDC_PROVIDERS": PROVIDER,
            f"OIDC_{name}_ISSUER": provider.url,
            f"OIDC_{name}_CLIENT_ID": "shop",
            f"OIDC_{name}_CLIENT_SECRET": SECRET,
            f"OIDC_{name}_REDIRECT_URI": redirect_uri,
            f"OIDC_{name}_CREATES_USERS": "yes",
        }

    def _become_everything(self) -> int:
        """The first admin gives itself every role. Returns its id."""
        session = self._sign_in()
        answer = self.replica.client.put(
            f"{API}/users/{session['user_id']}/roles",
            json={"roles": [role.value for role in Role]},
            headers={"authorization": f"Bearer {session['access_token']}"},
        )
        assert answer.status_code == 200, answer.text
        assert set(self._sign_in()["roles"]) == set(Role)
        return session["user_id"]

    def _sign_in(self) -> dict:
        return self._taken(self.replica.client.post(f"{API}/sessions", json={"email": EMAIL, "password": PASSWORD}))

    def _taken(self, answer) -> dict:
        assert answer.is_success, answer.text
        self._refresh_token = answer.headers["set-cookie"].removeprefix(f"{NAME}=").partition(";")[0]
        return answer.json()

    def _make_others(self) -> dict:
        credentials = {"email": "somebody@example.org", "password": PASSWORD}
        answer = self.replica.client.post(f"{API}/users", json={"name": "Somebody", **credentials})
        assert answer.status_code == 201, answer.text
        command = [sys.executable, "-m", "services.identity.sample_sessions", "--customers", str(CHANGED + WITH_SESSIONS)]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=True)
        sessions = [json.loads(line) for line in done.stdout.splitlines()]
        return {
            "user_ids": [each["user_id"] for each in sessions[:CHANGED]],
            "refresh_tokens": [each["refresh_token"] for each in sessions[CHANGED:]],
            "credentials": credentials,
            "provider": PROVIDER,
            "issuer": self._issuer,
        }
