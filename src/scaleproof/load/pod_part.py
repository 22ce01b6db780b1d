"""`python -m scaleproof.load.pod_part`: one pod's part of a distributed load, told by lines of JSON on standard input.

scaleproof opens one such session in each generator pod (an exec, as `kubectl exec -i` does). The part starts Locust on the order that it
is sent, says what Locust's files say (signals, status lines) as lines of JSON on standard output, and sends the record when it is asked to.
It ends, with everything it started, when the input ends or falls silent: no load outlives whoever asked for it.

    in   {"do": "ping"}   {"do": "start", …Order}   {"do": "signal", "name", "content"}   {"do": "collect"}   {"do": "alive"}   {"do": "end"}
    out  {"say": "pong", "time", "open_files", "version"}   {"say": "signal", "name", "content"}   {"say": "status", "process", "lines"}
         {"say": "file", "name", "data": base64, "last"}   {"say": "collected"}   {"say": "ended", "log"}   {"say": "failed", "message"}
"""

from __future__ import annotations

import base64
import json
import os
import queue
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from scaleproof import __version__
from scaleproof.load.config import LoadConfig
from scaleproof.load.given import GIVEN_FILE
from scaleproof.load.locust_process import WORKER_SPAWN_RATE_PER_SECOND, LocustProcess, played
from scaleproof.load.status import FAILED_FILE, FINISHED_FILE, STARTED_FILE, write_signal
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.model import SpecModel

FOLDER_PREFIX = "scaleproof-load-"
WORKERS_MAX_WAIT_SECONDS = 60
SILENCE_SECONDS = 30.0
POLL_SECONDS = 0.2
CHUNK_BYTES = 192 * 1024
SIGNALS = (STARTED_FILE, FAILED_FILE, FINISHED_FILE)

Message = dict[str, Any]


class Order(SpecModel):
    """What a pod is to play."""

    role: Literal["master", "worker"]
    config: LoadConfig = Field(description="Its folder and parent are the pod's own business and replaced here.")
    files: dict[str, str] = Field(description="Relative path → text of every Python file beside the locustfile.")
    given: str = Field(default="", description="What `load.prepare` printed for the users.")
    locustfile: str = Field(description="The path of the one that Locust is given.")
    master_host: str = Field(description="The master's address; workers connect to it.")
    master_port: int
    workers: Annotated[int, Field(gt=0)]


def locust_words(order: Order, locustfile: Path) -> list[str]:
    """Locust's command line in this role."""
    words = played(order.config, locustfile)
    if order.role == "worker":
        return [*words, "--worker", "--master-host", order.master_host, "--master-port", str(order.master_port)]
    rate = WORKER_SPAWN_RATE_PER_SECOND * order.workers
    words += ["--headless", "--only-summary", "-u", str(order.config.users), "-r", str(rate)]
    words += ["--master", "--master-bind-host", order.master_host, "--master-bind-port", str(order.master_port)]
    return [*words, "--expect-workers", str(order.workers), "--expect-workers-max-wait", str(WORKERS_MAX_WAIT_SECONDS)]


def write_files(order: Order, folder: Path) -> Path:
    """Write the order's Python files below the folder; the locustfile's path. Raises BadInputError where a path leads out of it."""
    for name, text in order.files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise BadInputError(f"{name}: expected a path below the locustfile's folder")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / order.locustfile


class Part:
    """Plays one order: `hear` takes what is said to it, `look` says what is new. `say` writes one message."""

    def __init__(self, home: Path, say: Callable[[Message], None]) -> None:
        self._home = home
        self._say = say
        self._folder: Path | None = None
        self._locust: LocustProcess | None = None
        self._said: set[str] = set()
        self._offsets: dict[Path, int] = {}

    def hear(self, message: Message) -> None:
        """Do what a message says. Raises BadInputError where it cannot be done."""
        match message.get("do"):
            case "ping":
                files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
                self._say({"say": "pong", "time": time.time(), "open_files": files, "version": __version__})
            case "start":
                self._start({name: value for name, value in message.items() if name != "do"})
            case "signal" if self._folder is not None:
                write_signal(self._folder, str(message["name"]), message["content"])
            case "collect":
                self.look()
                for file in sorted(self._folder.glob("*.parquet")) if self._folder is not None else ():
                    for data, last in chunks(file):
                        self._say({"say": "file", "name": file.name, "data": data, "last": last})
                self._say({"say": "collected"})

    def look(self) -> None:
        """Say what Locust's files have to say since the last look."""
        if self._folder is None or self._locust is None:
            return
        ended = self._locust.ended()  # asked first, so that nothing written before its end is missed
        for name in SIGNALS:
            file = self._folder / name
            if name not in self._said and file.exists():
                self._said.add(name)
                self._say({"say": "signal", "name": name, "content": json.loads(file.read_text(encoding="utf-8"))})
        for file in sorted(self._folder.glob("status-*.jsonl")):
            lines = self._new_lines(file)
            if lines:
                self._say({"say": "status", "process": file.stem.removeprefix("status-"), "lines": lines})
        if ended and "ended" not in self._said:
            self._said.add("ended")
            self._say({"say": "ended", "log": self._locust.log_tail()})

    def end(self) -> None:
        """End Locust and leave nothing behind."""
        if self._locust is not None:
            self._locust.end(1.0)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, fields: Message) -> None:
        try:
            order = Order.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInputError(f"the order's {where}: {first['msg']} (scaleproof {__version__} in the pod)") from None
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=self._home))
        source = self._folder / "source"
        source.mkdir()
        locustfile = write_files(order, source)
        if order.given:
            file = self._folder / GIVEN_FILE
            file.touch(mode=0o600)
            file.write_text(order.given, encoding="utf-8")
        config = order.config.model_copy(update={"folder": str(self._folder), "parent_pid": os.getpid()})
        self._locust = LocustProcess(config, locustfile, processes=1, words=locust_words(order, locustfile))

    def _new_lines(self, file: Path) -> list[str]:
        with file.open(encoding="utf-8") as stream:
            stream.seek(self._offsets.get(file, 0))
            whole, newline, _ = stream.read().rpartition("\n")
            self._offsets[file] = self._offsets.get(file, 0) + len((whole + newline).encode())
        return whole.splitlines()


def chunks(file: Path) -> Iterator[tuple[str, bool]]:
    """A file in base64, piece by piece, and whether the piece is the last."""
    left = file.stat().st_size
    with file.open("rb") as stream:
        while True:
            data = stream.read(CHUNK_BYTES)
            left -= len(data)
            yield base64.b64encode(data).decode("ascii"), left <= 0
            if left <= 0:
                return


def play(lines: Iterable[str], say: Callable[[Message], None], home: Path, silence_seconds: float = SILENCE_SECONDS) -> None:
    """Hear and look until the lines end or fall silent for so long."""
    heard: queue.Queue[Message | None] = queue.Queue()
    threading.Thread(target=_listen, args=(lines, heard), daemon=True).start()
    part = Part(home, say)
    last_heard = time.monotonic()
    try:
        while time.monotonic() - last_heard < silence_seconds:
            try:
                message = heard.get(timeout=POLL_SECONDS)
            except queue.Empty:
                part.look()
                continue
            if message is None or message.get("do") == "end":
                return
            last_heard = time.monotonic()
            part.hear(message)
    except BadInputError as error:
        say({"say": "failed", "message": error.message})
    finally:
        part.end()


def _listen(lines: Iterable[str], heard: queue.Queue[Message | None]) -> None:
    for line in lines:
        if line.strip():
            heard.put(json.loads(line))
    heard.put(None)


def main() -> int:
    """The session on standard input and output."""

    def say(message: Message) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    try:
        play(sys.stdin, say, Path(tempfile.gettempdir()))
    except BrokenPipeError:  # whoever asked is gone; Locust has been ended
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
