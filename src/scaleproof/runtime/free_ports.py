"""Free loopback ports."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from scaleproof.spec.errors import BadInputError, CannotMeasureError

LOWEST = 15_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


class FreePorts:
    """Hands out loopback ports that nobody listens on, each once.

    They lie below the kernel's range for outgoing connections: with 10,000 users that range is so full that a port found free
    there may be taken before the server binds it.
    """

    def __init__(self) -> None:
        highest = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
        self._highest = max(highest, LOWEST + 2_000)
        self._random = random.Random()  # noqa: S311  two platforms that start at once must not try the same ports
        self._given: set[int] = set()

    def take(self) -> int:
        """A free port. Raises CannotMeasureError where none is found."""
        for _ in range(500):
            port = self._random.randrange(LOWEST, self._highest)
            if port not in self._given and is_free(port):
                self._given.add(port)
                return port
        raise CannotMeasureError(f"no free loopback port between {LOWEST} and {self._highest}", hint="stop other servers")

    def give_back(self, port: int) -> None:
        """It may be handed out again."""
        self._given.discard(port)


def is_free(port: int) -> bool:
    """Whether a server could bind that loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def check_gateway_port(port: int) -> None:
    """Raises BadInputError where the gateway's fixed port is taken."""
    if port and not is_free(port):
        raise BadInputError(
            f"gateway.port: port {port} is taken on 127.0.0.1",
            hint="stop what listens there (`scaleproof down`, or see `ss -ltnp`), or set gateway.port to another port; 0 picks one",
        )
