"""A client of the supervisor's control socket, and how errors travel over it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, Final

from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ScaleproofError

ERROR_STATUS: Final = 422
_OK: Final = 200
_KINDS: Final[Mapping[str, type[ScaleproofError]]] = {"bad_input": BadInputError, "cannot_measure": CannotMeasureError}


def error_document(error: ScaleproofError) -> dict[str, Any]:
    """An error as JSON."""
    kind = next((kind for kind, cls in _KINDS.items() if isinstance(error, cls)), "internal")
    return {"error": kind, "message": error.message, "hint": error.hint}


def error_of(document: Mapping[str, Any]) -> ScaleproofError:
    """The error that the JSON stands for."""
    return _KINDS.get(document["error"], ScaleproofError)(document["message"], hint=document["hint"])


class ControlClient:
    """Sends orders to the supervisor of a state folder."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder

    def ask(self, order: str, document: Mapping[str, Any] | None = None, *, timeout_seconds: float = 30.0) -> Any:
        """Send an order and return its answer. Raises the supervisor's own error, or CannotMeasureError where none answers."""
        connection = _UnixConnection(self._folder, timeout_seconds)
        try:
            connection.request("POST", f"/{order}", json.dumps(dict(document or {})))
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            raise CannotMeasureError(
                f"no platform answers in {self._folder.root}",
                hint="start one with `scaleproof up`; `scaleproof logs supervisor`",
            ) from None
        finally:
            connection.close()
        if status == _OK:
            return json.loads(text)
        try:
            failure = error_of(json.loads(text))
        except (json.JSONDecodeError, KeyError):
            failure = ScaleproofError(f"the supervisor failed on {order!r}", hint="see `scaleproof logs supervisor`")
        raise failure


class _UnixConnection(http.client.HTTPConnection):
    """The standard library's client: no other starts as quickly, and the autoscaler asks every second."""

    def __init__(self, folder: StateFolder, timeout_seconds: float) -> None:
        super().__init__("supervisor", timeout=timeout_seconds)
        self._folder = folder

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with self._folder.socket_path() as path:
            self.sock.connect(path)
