"""From the header of a request to its principal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from services.common.errors.raised import ServiceError
from services.common.tokens.principal import Principal
from services.common.tokens.verifier import KeySource, TokenVerifier, UnknownKeyError, refused

_SCHEME = "bearer "


class FreshKeys(KeySource, Protocol):
    """Keys that can be looked for once more."""

    @property
    def are_current(self) -> bool:
        """Whether there were any when they were last looked for: a key that is not among them is nobody's."""

    async def look_again(self) -> bool:
        """Whether there is anything new to look at."""


class Authenticator:
    """A key that is not known may be a new one: that is the only thing ever waited for."""

    def __init__(self, verifier: TokenVerifier, keys: FreshKeys, *, clock: Callable[[], float] = time.time) -> None:
        self._verifier = verifier
        self._keys = keys
        self._clock = clock

    async def principal(self, headers: Sequence[str]) -> Principal:
        """Whose request it is; `headers` are the values of every Authorization header.

        Raises ServiceError as TokenVerifier does, `unauthenticated` also where there is no token.
        """
        token = bearer_token(headers)
        try:
            return self._verifier.verify(token, self._clock())
        except UnknownKeyError:
            if not await self._keys.look_again():
                if not self._keys.are_current:
                    # Not 401: nobody is signed out because identity has no time to tell its new key.
                    detail = "Nobody can tell whether the token's key is a new one."
                    raise ServiceError("temporarily_unavailable", detail, retry_after_seconds=1) from None
                raise
        return self._verifier.verify(token, self._clock())


def bearer_token(headers: Sequence[str]) -> str:
    """The token of the one Authorization header. Raises ServiceError `unauthenticated`."""
    if len(headers) > 1:
        # The gateway may have verified one of them, and this service would read the other.
        raise refused("More than one Authorization header.")
    if not headers or headers[0][: len(_SCHEME)].lower() != _SCHEME:
        raise ServiceError("unauthenticated", "A bearer token is needed.")
    return headers[0][len(_SCHEME) :].strip()
