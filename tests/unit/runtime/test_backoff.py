from scaleproof.runtime.backoff import BackOff


def test_it_doubles_up_to_half_a_minute() -> None:
    backoff = BackOff()
    assert [backoff.after_crash(1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_minute_of_health_starts_it_over() -> None:
    backoff = BackOff()
    waits = [backoff.after_crash(lived) for lived in (1, 1, 59, 60, 1)]
    assert waits == [0.5, 1, 2, 0.5, 1]
