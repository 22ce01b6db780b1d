from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scaleproof.telemetry.lag import generator_lag


def frames(rows):
    """Rows are (user, intended_s, sent_s, finished_s); actions are numbered in order."""
    schedule = pd.DataFrame({"action": range(len(rows)), "user": [r[0] for r in rows], "intended_s": [r[1] for r in rows]})
    requests = schedule.drop(columns="user").assign(step=0, sent_s=[r[2] for r in rows], finished_s=[r[3] for r in rows])
    return schedule, requests


def test_only_users_who_were_free_show_the_generators_lateness():
    schedule, requests = frames(
        [
            (1, 0.5, 0.502, 1.8),  # free: 2 ms late
            (1, 1.5, 1.8, 1.9),  # still waiting for the answer at 1.5: the platform's fault
            (2, 1.6, 1.61, 1.7),  # free: 10 ms late
        ]
    )
    lag = generator_lag(schedule, requests, 3)
    assert lag[0] == pytest.approx(0.002)
    assert lag[1] == pytest.approx(0.010)
    assert np.isnan(lag[2])


def test_an_action_ends_with_its_last_step():
    schedule, requests = frames([(1, 0.0, 0.0, 0.1), (1, 1.0, 1.4, 1.5)])
    second_step = requests.iloc[:1].assign(step=1, sent_s=0.1, finished_s=1.4)
    assert np.isnan(generator_lag(schedule, pd.concat([requests, second_step]), 2)[1])


def test_an_action_begins_with_what_comes_aside():
    schedule, requests = frames([(1, 0.0, 0.305, 0.4)])
    aside = requests.assign(step=1, intended_s=0.004, sent_s=0.004, finished_s=0.3)
    assert generator_lag(schedule, pd.concat([requests, aside]), 1)[0] == pytest.approx(0.004)


def test_what_is_played_together_ends_with_the_last_of_it():
    schedule, requests = frames(
        [
            (1, 0.0, 0.003, 1.8),  # these two at once: one of them shows the lateness
            (1, 0.0, 0.003, 0.2),
            (1, 1.5, 1.8, 1.9),  # still waiting for the slower one
        ]
    )
    lag = generator_lag(schedule, requests, 2)
    assert lag[0] == pytest.approx(0.003)
    assert np.isnan(lag[1])
