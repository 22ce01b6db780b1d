"""Durations as Prometheus writes them."""

import pytest

from scaleproof.spec.duration import parse_duration_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("90m", 5400), ("36h", 129_600), ("14d", 1_209_600), ("2w", 1_209_600), ("1d12h", 129_600), (" 5m ", 300)],
)
def test_reads(text, seconds):
    assert parse_duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "14", "0s", "d", "1.5h", "-1d", "1h1d", "1d1d", "14 d", "a week", "१४d"])
def test_refuses(text):
    with pytest.raises(ValueError, match="expected a duration such as 60s"):
        parse_duration_seconds(text)
