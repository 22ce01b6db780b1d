"""What does the client of service-to-service calls cost? CPU a call of the caller: aiohttp alone, and with the client around it.

Against a small server in a process of its own; blocks of both kinds alternate, the median counts. `python benchmarks/http_client.py`
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.policy import DependencyPolicy
from services.common.http_client.transport import HttpTransport
from services.common.metrics import Metrics

SERVER = """
import asyncio
class Answer(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}" * data.count(b"\\r\\n\\r\\n"))
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
BLOCKS = 15
CALLS = 400
QUERY = {"days": 7}


async def measure(url: str) -> dict[str, list[float]]:
    """Microseconds of CPU a call, a figure a block."""
    policy = DependencyPolicy()
    client = ServiceClient(
        "callee", HttpTransport(url, policy), policy=policy, metrics=CallMetrics(Metrics().registry).of("callee")
    )
    await client.open()
    timeout = aiohttp.ClientTimeout(total=5.0, connect=2.0)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def bare() -> None:
            async with session.get(url + "/things", params=QUERY) as response:
                await response.read()

        async def whole() -> None:
            await client.read("/things", QUERY)

        found: dict[str, list[float]] = {"aiohttp alone": [], "ServiceClient": []}
        for _ in range(BLOCKS):
            for name, call in (("aiohttp alone", bare), ("ServiceClient", whole)):
                started = time.process_time()
                for _ in range(CALLS):
                    await call()
                found[name].append((time.process_time() - started) / CALLS * 1e6)
    await client.close()
    return found


def main() -> None:
    """Measure and print."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = asyncio.run(measure(f"http://127.0.0.1:{server.stdout.readline().strip()}"))
        server.terminate()
    for name, micros in found.items():
        print(f"{name:15} {statistics.median(micros):6.1f} µs CPU a call ({min(micros):.1f} to {max(micros):.1f})")


if __name__ == "__main__":
    main()
