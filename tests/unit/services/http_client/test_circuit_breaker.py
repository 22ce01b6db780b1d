"""Closed, open, half-open: as timelines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from services.common.http_client.circuit_breaker import BreakerState, CircuitBreaker
from services.common.http_client.policy import BreakerPolicy

POLICY = BreakerPolicy(window_attempts=10, least_attempts=4, failure_share=0.5, open_seconds=2.0, probes=2)


def attempt(breaker: CircuitBreaker, now: float, *, failed: bool) -> bool:
    """Whether it was let through."""
    permit = breaker.admit(now)
    if permit is None:
        return False
    breaker.record(permit, now, failed=failed)
    return True


def opened(now: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker("orders", POLICY)
    for _ in range(4):
        attempt(breaker, now, failed=True)
    assert breaker.state is BreakerState.OPEN
    return breaker


def test_few_failures_say_nothing_and_half_of_enough_open_it():
    breaker = CircuitBreaker("orders", POLICY)
    for failed in (True, True, False):
        attempt(breaker, 0.0, failed=failed)
    assert breaker.state is BreakerState.CLOSED, "three attempts are too few"
    attempt(breaker, 0.0, failed=True)
    assert breaker.state is BreakerState.OPEN, "three of four failed"


def test_old_results_leave_the_window():
    breaker = CircuitBreaker("orders", POLICY)
    for _ in range(10):
        attempt(breaker, 0.0, failed=False)
    for number in range(4):
        attempt(breaker, 0.0, failed=True)
        assert breaker.state is BreakerState.CLOSED, f"{number + 1} of ten"
    for _ in range(6):
        attempt(breaker, 0.0, failed=False)
    for number in range(4):
        attempt(breaker, 0.0, failed=True)
        assert breaker.state is BreakerState.CLOSED, f"the first four have left: {number + 1} of ten"
    attempt(breaker, 0.0, failed=True)
    assert breaker.state is BreakerState.OPEN, "five of the last ten"


def test_while_open_nothing_is_sent_and_who_asks_is_told_how_long():
    breaker = opened(now=10.0)
    assert not attempt(breaker, 11.5, failed=False)
    assert breaker.seconds_left(11.5) == 0.5
    assert breaker.state is BreakerState.OPEN


def test_one_probe_at_a_time_and_two_that_succeed_close_it():
    breaker = opened()
    probe = breaker.admit(2.0)
    assert probe is not None
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit(2.1) is None, "one at a time"
    breaker.record(probe, 2.2, failed=False)
    assert breaker.state is BreakerState.HALF_OPEN, "one success is not enough"
    assert attempt(breaker, 2.3, failed=False)
    assert breaker.state is BreakerState.CLOSED
    assert attempt(breaker, 2.4, failed=True)
    assert breaker.state is BreakerState.CLOSED, "the window began anew"


def test_a_probe_that_fails_opens_it_again_for_as_long():
    breaker = opened()
    assert attempt(breaker, 2.0, failed=True)
    assert breaker.admit(3.9) is None
    assert breaker.admit(4.0) is not None


def test_a_probe_that_was_given_up_makes_room_for_the_next():
    breaker = opened()
    probe = breaker.admit(2.0)
    assert probe is not None
    breaker.give_back(probe)
    assert breaker.admit(2.1) is not None


def test_a_late_result_of_before_says_nothing_about_now():
    breaker = CircuitBreaker("orders", POLICY)
    late = breaker.admit(0.0)
    assert late is not None
    for _ in range(4):
        attempt(breaker, 0.0, failed=True)
    probe = breaker.admit(2.0)
    breaker.record(late, 2.1, failed=False)
    breaker.record(late, 2.1, failed=False)
    assert breaker.state is BreakerState.HALF_OPEN, "two late successes are no probes"
    breaker.record(late, 2.2, failed=True)
    assert breaker.state is BreakerState.HALF_OPEN, "nor does a late failure open it"
    breaker.give_back(late)
    assert breaker.admit(2.3) is None, "the probe is still on its way"
    assert probe is not None


@given(st.lists(st.booleans(), max_size=200))
def test_it_is_open_as_soon_as_half_of_the_window_failed_and_not_before(results: list[bool]):
    breaker = CircuitBreaker("orders", POLICY)
    for number, failed in enumerate(results, start=1):
        attempt(breaker, 0.0, failed=failed)
        window = results[max(0, number - 10) : number]
        if failed and len(window) >= 4 and sum(window) >= 0.5 * len(window):
            assert breaker.state is BreakerState.OPEN
            return
        assert breaker.state is BreakerState.CLOSED


class AnyCourse(RuleBasedStateMachine):
    """Whatever happens in whatever order: at most one probe is on its way, waits are bounded, and well again means closed again."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker("orders", POLICY)
        self.now = 0.0
        self.probes: dict[int, int] = {}
        self.admitted = 0

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=attempts)
    def admit(self):
        permit = self.breaker.admit(self.now)
        if permit is None:
            return multiple()
        self.admitted += 1
        if self.breaker.state is BreakerState.HALF_OPEN:
            assert not self.probes
            self.probes[self.admitted] = permit
        return self.admitted, permit

    @rule(attempt=consumes(attempts), failed=st.booleans())
    def answered(self, attempt: tuple[int, int], failed: bool) -> None:
        self.probes.pop(attempt[0], None)
        self.breaker.record(attempt[1], self.now, failed=failed)

    @rule(attempt=consumes(attempts))
    def given_up(self, attempt: tuple[int, int]) -> None:
        self.probes.pop(attempt[0], None)
        self.breaker.give_back(attempt[1])

    @invariant()
    def waits_are_bounded(self) -> None:
        assert 0 <= self.breaker.seconds_left(self.now) <= POLICY.open_seconds

    def teardown(self) -> None:
        for permit in self.probes.values():
            self.breaker.give_back(permit)
        self.now += POLICY.open_seconds + 0.001
        for _ in range(POLICY.probes):
            assert attempt(self.breaker, self.now, failed=False)
        assert self.breaker.state is BreakerState.CLOSED


TestAnyCourse = AnyCourse.TestCase
