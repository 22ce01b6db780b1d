"""Whose tokens a dashboard of the tests takes: keys and revocations over HTTP, as identity serves them, and tokens for anybody."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from identity_tokens import EXPECTED, Signer, batch

from services.common.tokens.jwks import JWKS_PATH, jwk_of
from services.common.tokens.principal import Role

REVOKED_SESSION = "revoked-session"
"""Every token of it was revoked before anybody asked."""


class Issuer:
    """Serves until it is closed. A replica that is told its `environment` takes its tokens."""

    def __init__(self) -> None:
        self._signer = Signer()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = issuer.keys() if self.path == JWKS_PATH else issuer.revocations()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.environment = {
            "IDENTITY_URL": f"http://127.0.0.1:{self._server.server_port}",
            "TOKEN_ISSUER": EXPECTED.issuer,
            "TOKEN_AUDIENCE": EXPECTED.audience,
        }

    def keys(self) -> bytes:
        return json.dumps({"keys": [jwk_of(self._signer.key_id, self._signer.public.public_bytes_raw())]}).encode()

    def revocations(self) -> bytes:
        return batch(as_of=time.time(), sessions=(REVOKED_SESSION,)).model_dump_json().encode()

    def token(self, user_id: str, *roles: Role, session_id: str = "session-1") -> str:
        now = int(time.time())
        names = [role.value for role in roles]
        return self._signer.token(sub=user_id, sid=session_id, roles=names, iat=now - 60, exp=now + 3600)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
