import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.runtime.sampler import MetricsServer, PodSample, Reading


def reading(now: float, cpu: float, started: float = 0.0) -> dict[str, Reading]:
    return {"pod": Reading(now, started, cpu, 1000)}


def after(*scrapes: dict[str, Reading]) -> PodSample | None:
    server = MetricsServer()
    for scrape in scrapes:
        server.scrape(scrape)
    return server.samples().get("pod")


def test_the_rate_is_between_the_last_two_scrapes() -> None:
    sample = after(reading(30, 3.0), reading(45, 6.0), reading(60, 7.5))
    assert sample == PodSample(100_000_000, 1000, 60, 15)


def test_an_old_pod_seen_once_has_no_sample() -> None:
    assert after(reading(100, 3.0)) is None


@pytest.mark.parametrize(
    ("age", "has_sample"),
    [
        (0, False),
        (9.9, False),
        (10, True),  # old enough to say something, measured from its start
        (14.9, True),
        (15, False),  # as old as the resolution: two scrapes are needed
    ],
)
def test_a_fresh_pod_is_measured_from_its_start(age: float, has_sample: bool) -> None:
    sample = after(reading(100 + age, 1.0, started=100))
    assert (sample is not None) is has_sample
    if sample:
        assert sample.window_seconds == pytest.approx(age)
        assert sample.usage_nanocores == int(1e9 / sample.window_seconds)


def test_a_restarted_container_has_no_sample_until_its_second_scrape() -> None:
    before = [reading(30, 3.0), reading(45, 6.0)]
    assert after(*before, reading(60, 0.1, started=52)) is None
    assert after(*before, reading(60, 0.1, started=52), reading(75, 1.6, started=52)) == PodSample(100_000_000, 1000, 75, 15)


def test_a_fresh_restart_counts_from_its_start() -> None:
    assert after(reading(45, 6.0), reading(60, 1.2, started=48)) == PodSample(100_000_000, 1000, 60, 12)


def test_the_same_reading_twice_keeps_the_sample() -> None:
    assert after(reading(30, 3.0), reading(45, 6.0), reading(45, 6.0)) == PodSample(200_000_000, 1000, 45, 15)


def test_a_counter_that_fell_gives_no_sample() -> None:
    assert after(reading(30, 3.0), reading(45, 2.0)) is None


def test_a_pod_that_is_gone_is_forgotten() -> None:
    assert after(reading(30, 3.0), reading(45, 6.0), {}, reading(75, 9.0)) is None


@given(st.floats(0, 1e4), st.floats(0, 100), st.floats(0.01, 60))
def test_nanocores_are_truncated_never_rounded_up(start: float, used: float, window: float) -> None:
    sample = after(reading(1e6, start), reading(1e6 + window, start + used))
    assert sample is not None
    exact = (round((start + used) * 1e9) - round(start * 1e9)) / sample.window_seconds
    assert sample.usage_nanocores == math.floor(exact)
