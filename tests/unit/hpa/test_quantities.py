import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaleproof.hpa.quantities import approximate_float, format_time, milli_value, parse_duration, parse_time


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [
        ("250m", 250),
        ("1", 1000),
        ("100n", 1),
        ("180123456n", 181),
        ("64Mi", 67108864000),
        ("1e3", 10**6),
        (0.5, 500),
        ("-1500u", -2),
    ],
)
def test_a_quantity_in_thousandths_rounds_away_from_zero(text, thousandths):
    assert milli_value(text) == thousandths


@pytest.mark.parametrize("text", ["", "much", "1 core", "1E30"])
def test_what_is_no_quantity_or_too_large_is_refused(text):
    with pytest.raises(ValueError):
        milli_value(text)


# Answers of k8s.io/apimachinery v0.36.3 itself: MilliValue and AsApproximateFloat64.
RECORDED = [
    ("3.6n", 1, "0x1.12e0be826d695p-28"),
    (".39838796n", 1, "0x1.12e0be826d695p-30"),
    ("61.0Gi", 65498251264000, "0x1.e800000000001p35"),
    ("-43.8145421247", -43813, "-0x1.5e842ea960b7p5"),
    ("678940713500.5427541723", 678940713500543, "0x1.3c280a443915fp39"),
    ("83.866367Ki", 85879160, "0x1.4f7728e92d55bp16"),
    ("310.897n", 1, "0x1.4def077072eafp-22"),
    ("0.57", 570, (57 * 1e-2).hex()),
]


@pytest.mark.parametrize(("text", "milli", "approximate"), RECORDED)
def test_roundings_are_upstreams_whatever_it_holds_the_number_in(text, milli, approximate):
    assert (milli_value(text), approximate_float(text)) == (milli, float.fromhex(approximate))


def test_a_tolerance_is_digits_times_a_power_of_ten():
    # 57 × 10⁻² is not the literal 0.57; upstream multiplies, and so do we.
    assert approximate_float("0.57") == 57 * 1e-2 != 0.57
    assert approximate_float("570m") == 570 * 1e-3
    assert approximate_float("1") == 1.0
    assert approximate_float("-0.5") == -0.5


def test_times_are_exact_to_the_nanosecond():
    assert parse_time("2026-01-01T00:00:00Z") == 1767225600 * 10**9
    assert parse_time("2026-01-01T01:00:00.000000001+01:00") == 1767225600 * 10**9 + 1
    assert parse_time(1767225600) == 1767225600 * 10**9
    assert parse_time(1767225600.25) == 1767225600 * 10**9 + 250_000_000


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01", "2026-13-01T00:00:00Z", float("nan"), float("inf")])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        parse_time(text)


@given(st.integers(min_value=0, max_value=4 * 10**18))
def test_a_time_survives_being_written_and_read(nanoseconds):
    assert parse_time(format_time(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1m0s", 60), ("1h2m3.5s", 3723.5), ("250ms", 0.25), ("0", 0), (15, 15), (0.5, 0.5), ("3µs", 3e-6)],
)
def test_durations_are_gos(text, seconds):
    assert parse_duration(text) == round(seconds * 10**9)


@pytest.mark.parametrize("text", ["", "30", "s", "30s later", "1d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError):
        parse_duration(text)
