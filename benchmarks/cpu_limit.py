"""Is a paused process as slow as one under a CPU cgroup? Latency of both under the same open-loop load, side by side.

`python benchmarks/cpu_limit.py [SECONDS]` needs a writable CPU cgroup (root). For each load it starts one small server per kind of
limit, sends both the same Poisson arrivals at the same times, and prints p50, p95, p99 in milliseconds, the CPU each got, and
what the pausing process itself used. The share alone would not tell: the tail is made by when, not by how much.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scaleproof.runtime.cpu_limit import CgroupCpuLimit, CpuLimit, PauseCpuLimit, own_cpu_cgroup
from scaleproof.runtime.free_ports import FreePorts
from scaleproof.runtime.process import Process
from scaleproof.runtime.processes import CpuMeter
from scaleproof.telemetry.percentiles import quantiles

SERVER = Path(__file__).parents[1] / "tests" / "fakes" / "tiny_service.py"
MILLICORES = 250
JOB_MS = 2.5
LOADS = (0.5, 0.7, 0.8)


async def request(port: int, idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    """One job, on a connection that is free or else on a new one."""
    reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /work?ms={JOB_MS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len("replica"))
    idle.append((reader, writer))


async def send(port: int, arrivals: list[float]) -> list[float]:
    """Latencies in seconds, from the intended times."""
    latencies: list[float] = []
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    start = time.monotonic()

    async def one(due: float) -> None:
        await request(port, idle)
        latencies.append(time.monotonic() - start - due)

    tasks = []
    for due in arrivals:
        await asyncio.sleep(max(start + due - time.monotonic(), 0))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    return latencies


async def measure(limits: dict[str, CpuLimit], load: float, seconds: float, folder: Path) -> None:
    """One load on one server per kind of limit, at the same time."""
    ports = FreePorts()
    rate = load * MILLICORES / JOB_MS
    draw = random.Random(f"{load}")  # noqa: S311  arrivals, not secrets
    arrivals = [draw.expovariate(rate)]
    while arrivals[-1] < seconds:
        arrivals.append(arrivals[-1] + draw.expovariate(rate))
    processes, meters, sent = {}, {}, {}
    for kind, limit in limits.items():
        port = ports.take()
        processes[kind] = Process.start(
            [sys.executable, "-I", "-S", str(SERVER)],
            log=folder / f"{kind}.log",
            environment=os.environ | {"PORT": str(port), "REPLICA": "replica"},
            folder=folder,
            cgroups=limit.prepare(kind, MILLICORES),
        )
        limit.started(kind, processes[kind].pid, MILLICORES)
        sent[kind] = port
    await asyncio.sleep(2)
    for kind, process in processes.items():
        meters[kind] = CpuMeter(process.pid)
        meters[kind].read()
    before = {kind: meter.seconds for kind, meter in meters.items()}
    pauser = limits["pause"]
    assert isinstance(pauser, PauseCpuLimit)
    own = CpuMeter(pauser.pid)
    own_before = own.read()
    results = dict(zip(sent, await asyncio.gather(*(send(port, arrivals) for port in sent.values())), strict=True))
    for kind, latencies in results.items():
        limits[kind].keep_up()
        p50, p95, p99 = (1000 * value for value in quantiles(latencies, [0.5, 0.95, 0.99]))
        used = (meters[kind].read() - before[kind]) / seconds
        throttling = limits[kind].throttling(kind)
        print(
            f"load {load:.1f}  {kind:6}  p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms   {used:.3f} cores   "
            f"throttled {throttling.throttled_periods}/{throttling.periods} periods, {throttling.throttled_seconds:.2f} s"
        )
    print(f"          pausing process: {(own.read() - own_before) / seconds:.2%} of a core")
    for kind, process in processes.items():
        await process.stop(1)
        limits[kind].ended(kind)


async def main(seconds: float) -> None:
    """All loads."""
    parent = own_cpu_cgroup()
    if parent is None:
        sys.exit("no CPU cgroup here")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limits: dict[str, CpuLimit] = {
            "cgroup": CgroupCpuLimit(parent / f"scaleproof-bench-{os.getpid()}", folder / "cgroups"),
            "pause": PauseCpuLimit(),
        }
        try:
            for load in LOADS:
                await measure(limits, load, seconds, folder)
        finally:
            for limit in limits.values():
                limit.close()


if __name__ == "__main__":
    print(subprocess.run(["uptime"], capture_output=True, text=True, check=False).stdout.strip())  # noqa: S607
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
