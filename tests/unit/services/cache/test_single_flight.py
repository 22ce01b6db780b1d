"""One load for all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from services.common.cache.single_flight import Flight, SingleFlight


class Origin:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.calls = 0

    async def load(self, _flight: Flight) -> bytes:
        self.calls += 1
        number = self.calls
        await self.go.wait()
        return b"answer %d" % number


def join(flights: SingleFlight, origin: Origin, key: str = "key", tags: tuple[str, ...] = ()) -> Flight:
    return flights.get(key) or flights.start(key, tags, 0.0, origin.load)


def test_who_asks_meanwhile_gets_the_same_answer_and_who_asks_later_a_new_one():
    async def timeline() -> None:
        flights, origin = SingleFlight(), Origin()
        waiting = [asyncio.create_task(join(flights, origin).result()) for _ in range(100)]
        await asyncio.sleep(0)
        origin.go.set()
        assert set(await asyncio.gather(*waiting)) == {b"answer 1"}
        assert "key" not in flights
        assert await join(flights, origin).result() == b"answer 2"

    asyncio.run(timeline())


def test_who_gives_up_does_not_end_it_for_the_others():
    async def timeline() -> None:
        flights, origin = SingleFlight(), Origin()
        first, second = (asyncio.create_task(join(flights, origin).result()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        origin.go.set()
        assert await second == b"answer 1"
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(timeline())


def test_an_error_reaches_all_and_is_not_kept():
    async def failing(_flight: Flight) -> bytes:
        await asyncio.sleep(0)
        raise ConnectionError

    async def timeline() -> None:
        flights, origin = SingleFlight(), Origin()
        flight = flights.start("key", (), 0.0, failing)
        results = await asyncio.gather(*(flight.result() for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionError] * 3
        origin.go.set()
        assert await join(flights, origin).result() == b"answer 1"

    asyncio.run(timeline())


@pytest.mark.parametrize(("outdate", "outdated"), [
    (lambda flights: flights.outdate_key("a"), {"a"}),
    (lambda flights: flights.outdate_tag("red"), {"a", "b"}),
    (lambda flights: flights.outdate_tag("unknown"), set()),
    (lambda flights: flights.outdate_all(), {"a", "b", "c"}),
])  # fmt: skip
def test_what_is_invalidated_meanwhile_is_marked_and_no_longer_joined(outdate, outdated: set[str]):
    async def timeline() -> None:
        flights, origin = SingleFlight(), Origin()
        tags = {"a": ("red",), "b": ("red", "blue"), "c": ("blue",)}
        begun = {key: join(flights, origin, key, tags[key]) for key in tags}
        await asyncio.sleep(0)
        outdate(flights)
        assert {key for key, flight in begun.items() if flight.outdated} == outdated
        again = {key: join(flights, origin, key, tags[key]) for key in tags}
        assert {key for key in tags if again[key] is not begun[key]} == outdated
        origin.go.set()
        await asyncio.gather(*(flight.result() for flight in (*begun.values(), *again.values())))
        assert not any(key in flights for key in tags)

    asyncio.run(timeline())


def test_closing_ends_what_is_on_its_way():
    async def timeline() -> None:
        flights, origin = SingleFlight(), Origin()
        waiting = asyncio.create_task(join(flights, origin).result())
        await asyncio.sleep(0)
        await flights.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(timeline())
