import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaleproof.runtime.control import ControlClient
from scaleproof.runtime.control_server import ControlServer
from scaleproof.runtime.state_folder import StateFolder
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ScaleproofError


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    deep = tmp_path / ("a-long-folder-name-" * 8)  # longer than a socket's path may be
    made = StateFolder.of(deep, "dev")
    made.make()
    return made


async def echo(document: dict[str, Any]) -> Any:
    return {"got": document}


async def refuse(_: dict[str, Any]) -> Any:
    raise BadInputError("no", hint="ask otherwise")


async def unable(_: dict[str, Any]) -> Any:
    raise CannotMeasureError("cannot")


async def fail(_: dict[str, Any]) -> Any:
    raise ZeroDivisionError


def answered(folder: StateFolder, ask: Callable[[ControlClient], Any]) -> Any:
    """What a client gets from a server with these four orders."""

    async def main() -> Any:
        server = ControlServer(folder, {"echo": echo, "refuse": refuse, "unable": unable, "fail": fail})
        await server.start()
        try:
            return await asyncio.to_thread(ask, ControlClient(folder))
        finally:
            await server.stop()

    return asyncio.run(main())


def test_documents_travel_both_ways_also_not_a_number(folder: StateFolder) -> None:
    document = {"text": "ü", "number": 1.5, "none": None, "endless": float("inf")}
    assert answered(folder, lambda client: client.ask("echo", document)) == {"got": document}


def test_without_a_document_an_order_gets_an_empty_one(folder: StateFolder) -> None:
    assert answered(folder, lambda client: client.ask("echo")) == {"got": {}}


@pytest.mark.parametrize(
    ("order", "error", "text"),
    [
        ("refuse", BadInputError, "no\n  → ask otherwise"),
        ("unable", CannotMeasureError, "cannot"),
        ("unknown", ScaleproofError, "no order /unknown"),
        ("fail", ScaleproofError, "the supervisor failed on 'fail'\n  → see `scaleproof logs supervisor`"),
    ],
)
def test_errors_travel_as_themselves(folder: StateFolder, order: str, error: type[ScaleproofError], text: str) -> None:
    with pytest.raises(error) as raised:
        answered(folder, lambda client: client.ask(order))
    assert type(raised.value) is error
    assert str(raised.value) == text


def test_where_nobody_listens_the_message_says_what_to_do(folder: StateFolder) -> None:
    with pytest.raises(CannotMeasureError, match="scaleproof up"):
        ControlClient(folder).ask("status")


def test_the_socket_is_the_owners_alone(folder: StateFolder) -> None:
    assert folder.control.stat().st_mode & 0o777 == 0o700
    assert folder.run.stat().st_mode & 0o777 == 0o711


def test_the_folder_is_ignored_by_git_and_remembers_private_documents(folder: StateFolder) -> None:
    assert (folder.root.parent / ".gitignore").read_text() == "*\n"
    folder.write("orders.json", {"token": "t"})
    assert (folder.control / "orders.json").stat().st_mode & 0o777 == 0o600
    assert folder.read("orders.json") == {"token": "t"}
    (folder.control / "orders.json").write_text("{")
    assert folder.read("orders.json") is None


def test_what_postgres_kept_elsewhere_goes_too(folder: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    for name in ("scaleproof-postgres-x", "precious"):
        (tmp_path / name).mkdir()
        (folder.run / "postgres").mkdir(parents=True)
        (folder.run / "postgres" / "home").write_text(f"{tmp_path / name}\n")
        folder.remove_run()
    assert [path.name for path in tmp_path.iterdir() if path.name in {"scaleproof-postgres-x", "precious"}] == ["precious"]
    assert not folder.run.exists()
    assert folder.logs.exists()
