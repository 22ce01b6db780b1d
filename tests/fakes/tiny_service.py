"""A service that starts in 50 ms: `python -I -S tiny_service.py`. Standard library only.

GET /readyz → 200, 503 once SIGTERM came; GET /work?ms=N burns N ms of CPU; GET /hoard?mb=N keeps N MiB; GET /crash exits 3;
GET /unready → /readyz answers 503 from now on; GET /keys → $KEYS; anything else answers the replica's name.
"""

import asyncio
import os
import signal
import time
from urllib.parse import parse_qs, urlsplit

hoard: list[bytearray] = []
draining = False
unready = False


def answer(target: str) -> tuple[int, str]:
    global unready  # noqa: PLW0603
    url = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    if url.path == "/readyz":
        return (503, "no") if draining or unready else (200, "yes")
    if url.path == "/keys":
        return 200, os.environ["KEYS"]
    if url.path == "/unready":
        unready = True
    if url.path.endswith("/work"):
        end = time.process_time() + float(query["ms"]) / 1000
        while time.process_time() < end:
            pass
    if url.path.endswith("/hoard"):
        hoard.append(bytearray(int(query["mb"]) << 20))
    if url.path.endswith("/crash"):
        os._exit(3)
    return 200, os.environ.get("REPLICA", "?")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await reader.readuntil(b"\r\n\r\n"):
            status, text = answer(request.split(b" ", 2)[1].decode())
            close = "Connection: close\r\n" if draining else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{close}Content-Length: {len(text)}\r\n\r\n{text}".encode())
            await writer.drain()
            if draining:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"]), backlog=512)
    if "GRANDCHILD" in os.environ:
        await asyncio.create_subprocess_exec("setsid", "sleep", os.environ["GRANDCHILD"])
    print("ready", flush=True)  # noqa: T201  its log
    await stop.wait()
    global draining  # noqa: PLW0603
    draining = True
    await asyncio.sleep(0.3)
    server.close()


asyncio.run(main())
