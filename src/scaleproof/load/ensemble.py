"""One load played by many pods, seen from here as one Locust: its files are mirrored into one folder (`watch.RunningLocust`)."""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from scaleproof.load.pod_session import Message, OpenPods, PodSession
from scaleproof.load.status import FAILED_FILE, FINISHED_FILE, STARTED_FILE, STOP_FILE, read_signal, write_signal

HEARTBEAT_SECONDS = 5.0
LISTEN_SECONDS = 0.2
LAST_WORD_SECONDS = 3.0
GOODBYE_SECONDS = 10.0
STOP_NOW = {"at_s": 0.0, "grace_s": 0.0}


class Ensemble:
    """Talks with every pod from a thread each; a context that ends all of them.

    What a pod says is written into `folder` under the names that a Locust on this machine would use. A stop file that appears
    there is passed on to the master.
    """

    def __init__(self, pods: OpenPods, folder: Path) -> None:
        self._folder = folder
        self._conversations = [_Conversation(session, folder, leads=session is pods.master) for session in pods.all]

    @property
    def folder(self) -> Path:
        """Where the files of all pods come together."""
        return self._folder

    def start(self, orders: list[Message]) -> None:
        """Send each pod its order, the master's first."""
        for each, order in zip(self._conversations, orders, strict=True):
            each.tell({"do": "start", **order})

    def ended(self) -> bool:
        """A pod's Locust is no more, or out of reach: the load is not whole any more."""
        self._pass_on_stop()
        now = time.monotonic()
        # Workers end when their master says so, which may be heard before the master's own last word.
        return any(
            each.ended_at is not None and (each.leads or now - each.ended_at > LAST_WORD_SECONDS)
            for each in self._conversations
        )

    def log_tail(self) -> str:
        """The last words of whoever ended."""
        return " | ".join(each.last_words for each in self._conversations if each.last_words) or "its pods say nothing"

    def collect(self, timeout_seconds: float) -> list[str]:
        """Fetch every pod's record; the names of the pods that did not send it in time."""
        for each in self._conversations:
            each.tell({"do": "collect"})
        until = time.monotonic() + timeout_seconds
        for each in self._conversations:
            each.settled.wait(max(0.0, until - time.monotonic()))
        return [each.name for each in self._conversations if not each.collected]

    def _pass_on_stop(self) -> None:
        stop = read_signal(self._folder, STOP_FILE)
        failed = read_signal(self._folder, FAILED_FILE)
        for each in self._conversations:
            # A worker that fails can tell nobody but us.
            if each.leads and (stop is not None or failed is not None):
                each.tell_once(STOP_FILE, {"do": "signal", "name": STOP_FILE, "content": STOP_NOW if stop is None else stop})

    def __enter__(self) -> Self:
        for each in self._conversations:
            each.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for each in self._conversations:
            each.say_goodbye()
        for each in self._conversations:
            each.end()


class _Conversation:
    """One pod's session, spoken and heard by a thread of its own."""

    def __init__(self, session: PodSession, folder: Path, *, leads: bool) -> None:
        self.leads = leads
        self.name = session.name
        self.ended_at: float | None = None
        self.last_words = ""
        self.collected = False
        self.settled = threading.Event()
        """The record has come, or never will."""
        self._session = session
        self._folder = folder
        self._to_say: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._told: set[str] = set()
        self._over = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._talk, name=f"load-{session.name}", daemon=True)

    def begin(self) -> None:
        """Start talking."""
        self._thread.start()

    def say_goodbye(self) -> None:
        """Have the pod end its Locust and clear away what is left of the load; it hangs up when that is done."""
        self._leaving = True
        self.tell({"do": "end"})

    def end(self) -> None:
        """Wait until the pod has hung up, but not for long: it ends by itself when it hears nothing more."""
        self._thread.join(GOODBYE_SECONDS)
        self._over.set()
        self._thread.join(HEARTBEAT_SECONDS)

    def tell(self, message: Message) -> None:
        """Say this as soon as possible."""
        self._to_say.put(message)

    def tell_once(self, about: str, message: Message) -> None:
        """Say this unless something was said about it before."""
        if about not in self._told:
            self._told.add(about)
            self.tell(message)

    def _talk(self) -> None:
        said_at = time.monotonic()
        try:
            while not self._over.is_set():
                while not self._to_say.empty():
                    self._session.send(self._to_say.get())
                    said_at = time.monotonic()
                if time.monotonic() - said_at > HEARTBEAT_SECONDS:
                    self.tell({"do": "alive"})
                for message in self._session.receive(LISTEN_SECONDS):
                    self._hear(message)
        except (OSError, ValueError) as error:
            if self._leaving:
                return
            words = self._session.errors().strip().splitlines()[-1:] or [str(error) or type(error).__name__]
            self._end(f"the session broke off ({words[0]})")
            self.settled.set()

    def _hear(self, message: Message) -> None:
        match message.get("say"):
            case "signal":
                self._keep_signal(str(message["name"]), message["content"])
            case "status":
                with (self._folder / f"status-{message['process']}.jsonl").open("a", encoding="utf-8") as file:
                    file.writelines(f"{line}\n" for line in message["lines"])
            case "file":
                self._keep_file(Path(str(message["name"])).name, base64.b64decode(message["data"]), last=bool(message["last"]))
            case "collected":
                self.collected = True
                self.settled.set()
            case "ended":
                self._end(str(message["log"]) or "Locust ended without a word")
            case "failed":
                self._end(str(message["message"]))
                self.settled.set()

    def _keep_signal(self, name: str, content: Message) -> None:
        # The master alone says when the load starts and ends; whoever fails first is the one who is quoted.
        if name == FAILED_FILE and read_signal(self._folder, FAILED_FILE) is None:
            write_signal(self._folder, FAILED_FILE, content)
        elif self.leads and name in {STARTED_FILE, FINISHED_FILE}:
            write_signal(self._folder, name, content)

    def _keep_file(self, name: str, data: bytes, *, last: bool) -> None:
        unfinished = self._folder / f".{name}.unfinished"
        with unfinished.open("ab") as file:
            file.write(data)
        if last:
            unfinished.rename(self._folder / name)

    def _end(self, words: str) -> None:
        self.last_words = f"{self.name}: {words}"
        self.ended_at = time.monotonic()


def message_text(message: Message) -> str:
    """A message as the line that carries it."""
    return json.dumps(message) + "\n"
