"""A run as the charts draw it."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fakes.sample_run import Crash, sample_run
from scaleproof.report.dips import dips_of
from scaleproof.report.timeline import MOST_WINDOWS, gateway_p95, timeline_of
from scaleproof.spec.shapes import spike


def test_a_window_is_5_seconds_and_demand_is_what_was_intended():
    run = sample_run()
    timeline = timeline_of(run)
    orders = timeline.services["orders"]
    assert timeline.window_seconds == 5
    assert list(orders.middle_s[:2]) == [2.5, 7.5]
    schedule = run.tables["schedule"]
    assert orders.demand_per_second.sum() * 5 == (schedule["service"] == "orders").sum()
    assert 200 < orders.demand_per_second.max() < 300


def test_before_the_scale_up_requests_are_not_served_well_and_at_the_end_they_are():
    orders = timeline_of(sample_run()).services["orders"]
    assert orders.bad_share[9] == 1  # 0:45, one replica of five
    assert orders.bad_share[-1] == 0
    assert orders.p95_s[9] > 1 > orders.p95_s[-1]
    assert np.all(orders.p50_s <= orders.p95_s)


def test_a_long_run_has_wider_windows_not_more_points():
    timeline = timeline_of(sample_run(shape=spike(hold=1800, tail=1500), users=100))
    assert timeline.window_seconds == 12
    assert all(len(service.middle_s) <= MOST_WINDOWS for service in timeline.services.values())
    assert len(timeline.host.middle_s) <= MOST_WINDOWS


def test_replicas_are_kept_where_they_change():
    orders = timeline_of(sample_run()).services["orders"]
    changes = np.diff(orders.total)[:-1] != 0
    assert len(orders.replicas_s) < 25
    assert (changes | (np.diff(orders.ready)[:-1] != 0)).all()


def test_marked_seconds_become_spans_with_their_reasons():
    assert timeline_of(sample_run(overloaded_seconds=4)).marked == [(76.0, 80.0, "host-cpu")]
    assert timeline_of(sample_run()).marked == []


def test_only_events_worth_seeing_are_drawn():
    events = timeline_of(sample_run(crash=Crash(90.0))).events
    assert list(events["kind"]) == ["crashed", "restarted"]


def test_a_gateway_that_restarts_counts_from_zero():
    """Cumulative counts: 100 quick ones, then a restart, then 50 slow ones."""
    rows = [(0, 0, 0), (4, 100, 100), (9, 0, 50)]
    frame = pd.DataFrame(
        [(t, "a", bound, count) for t, *counts in rows for bound, count in zip((0.1, 1.0), counts, strict=True)],
        columns=["time_s", "service", "upper_bound_s", "count"],
    )
    quick, slow, nothing = gateway_p95(frame, "a", 5.0, 3)
    assert quick <= 0.1 < slow
    assert np.isnan(nothing)
    assert np.isnan(gateway_p95(frame, "unknown", 5.0, 3)).all()


def test_a_run_without_platform_tables_still_has_a_timeline():
    run = sample_run()
    empty = {
        name: frame.iloc[:0] if name in {"replicas", "host", "gateway", "decisions", "events"} else frame
        for name, frame in run.tables.items()
    }
    timeline = timeline_of(replace(run, tables=empty))
    assert np.isnan(timeline.host.cpu_share).all()
    assert timeline.services["orders"].replicas_s.size == 0


def test_a_dip_lasts_from_the_crash_to_the_return():
    (dip,) = dips_of(sample_run(crash=Crash(60.0, restart_seconds=6)))
    assert (dip.component, dip.what, dip.time_s, dip.restart_seconds) == ("orders-0", "crashed", 60.0, 6.0)
    assert 0 < dip.bad <= dip.intended


def test_readiness_ends_a_dip_not_the_restart_and_what_never_returns_is_said():
    """60 crashed, 61 restarted, 64 ready; redis is killed at 70 and stays away."""
    run = sample_run()
    rows = [
        (60.0, "crashed", "orders", "orders-0", ""),
        (61.0, "restarted", "orders", "orders-0", ""),
        (64.0, "ready", "orders", "orders-0", ""),
        (70.0, "oom_killed", "redis", "", ""),
    ]
    events = pd.DataFrame(rows, columns=run.tables["events"].columns)
    replica, redis = dips_of(replace(run, tables={**run.tables, "events": events}))
    assert replica.restart_seconds == 4
    assert redis.restart_seconds is None
    assert redis.what == "was killed for using too much memory"
    assert redis.intended > replica.intended  # of all services, over 10 s
