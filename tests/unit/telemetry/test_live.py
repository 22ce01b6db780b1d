"""What readings, taken one after the other, say beside each other."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fakes.live_readings import NOW, ORDERS, PLATFORM, SPIKE, busy, reading, served
from scaleproof.telemetry.live import History, LoadService, Served


def seen(*readings):
    history = History(PLATFORM)
    for each in readings:
        history.add(each)
    return {service.name: service for service in history.snapshot().services}


def at_gateway(*counts):
    """Orders after these counts, a second apart, without a load from here."""
    readings = [replace(reading(NOW + second, load=None), gateway={"orders": each}) for second, each in enumerate(counts)]
    return seen(*readings)["orders"]


def test_the_load_tells_of_a_service_that_it_asks():
    orders = seen(reading())["orders"]
    assert (orders.source, orders.rate, orders.p95_s, orders.error_share) == ("load", 250.0, 0.184, 0.002)
    assert orders.good_share == pytest.approx(0.961)
    assert orders.keeps_slo is True


def test_a_promise_is_missed_below_its_share():
    fewer = LoadService(rate=1.0, p95_s=1.0, error_share=0.0, completed=1_000, good=949)
    orders = seen(reading(load=replace(SPIKE, services={"orders": fewer})))["orders"]
    assert orders.keeps_slo is False


def test_nobody_asks_so_there_is_no_verdict():
    dashboard = seen(reading())["dashboard"]
    assert dashboard.source == "gateway"
    assert dashboard.keeps_slo is None
    assert math.isnan(dashboard.p95_s)


def test_the_gateway_tells_of_the_last_seconds():
    orders = at_gateway(served(1_000, 500), served(1_090, 510))
    assert orders.rate == 100.0
    assert orders.error_share == 0.0
    assert 0.4 < orders.p95_s <= 0.5
    assert orders.good_share == pytest.approx(0.9)
    assert orders.keeps_slo is False


@pytest.mark.parametrize(
    ("after", "errors", "good", "gloss"),
    [
        (served(100, failures=10), 0.10, 0.90, "the service refused quickly: its answers are in the histogram"),
        (replace(served(90, failures=10), answers=100), 0.10, 0.90, "the gateway refused itself: they are in no bucket"),
        (served(90, failures=10, timeouts=10), 0.10, 0.90, "the gateway gave up: they are slower than every bound"),
        (served(0, 100), 0.0, 0.0, "all of them slow"),
    ],
)
def test_failures_are_not_good_wherever_they_are_counted(after, errors, good, gloss):
    orders = at_gateway(served(0), after)
    assert orders.error_share == pytest.approx(errors), gloss
    assert orders.good_share == pytest.approx(good), gloss


def test_a_gateway_that_began_anew_counts_from_zero():
    orders = at_gateway(served(1_000), served(50))
    assert orders.rate == 50.0
    assert orders.good_share == 1.0


def test_a_quiet_gateway_has_a_rate_and_nothing_else():
    orders = at_gateway(served(1_000), served(1_000))
    assert orders.rate == 0.0
    assert orders.keeps_slo is None


def test_a_service_that_was_never_asked_has_no_series_and_one_that_is_asked_first_counts_from_zero():
    first, second = reading(NOW, load=None), replace(reading(NOW + 2, load=None), gateway={"orders": served(10)})
    assert seen(first, second)["orders"].rate == 5.0


def test_rates_are_those_of_the_last_seconds_only():
    counts = [served(0), *[served(1_000)] * 20, served(1_010)]
    assert at_gateway(*counts).rate == 1.0


def test_cpu_is_counted_between_readings_against_what_is_requested():
    assert seen(reading(NOW), reading(NOW + 2, orders=busy(2, 0.08)))["orders"].cpu_share == pytest.approx(0.8)


def test_cpu_of_a_replica_that_just_came_waits_for_its_second_reading():
    new = replace(busy(2, 0.05), cpu_seconds={**busy(2, 0.05).cpu_seconds, "orders-4": 90.0})
    assert seen(reading(NOW), reading(NOW + 2, orders=new))["orders"].cpu_share == pytest.approx(0.5)


def test_cpu_that_a_cluster_tells_as_a_rate_is_taken_as_it_is():
    told = replace(ORDERS, cpu_seconds={}, cpu_cores=0.15)
    assert seen(reading(orders=told))["orders"].cpu_share == pytest.approx(0.5)


def test_cpu_of_one_reading_is_not_known():
    assert math.isnan(seen(reading())["orders"].cpu_share)


def test_ready_replicas_are_remembered():
    states = [replace(ORDERS, ready=ready) for ready in (1, 1, 2, 3)]
    orders = seen(*(reading(NOW + second, orders=state) for second, state in enumerate(states)))["orders"]
    assert orders.ready_before == (1, 1, 2, 3)


def test_a_platform_that_is_starting_has_no_service_yet():
    history = History(PLATFORM)
    history.add(replace(reading(), services={}))
    assert history.snapshot().services == ()


def test_an_empty_histogram_is_no_verdict():
    assert math.isnan(at_gateway(Served((), 0, 0), Served((), 5, 0)).p95_s)
