"""What policies would have done with recorded traffic: lines, JSON, notes and the picture."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from scaleproof.report.charts.traffic import MOST_COLUMNS, thinned, traffic_picture
from scaleproof.report.traffic import Compared, OnTrace, comparison_json, comparison_lines, holding, span, traffic_notes
from scaleproof.simulator.traffic.compare import compare
from scaleproof.simulator.traffic.policies import pack_policies
from scaleproof.simulator.traffic.service_model import ServiceModel
from scaleproof.spec.autoscaling import AutoscalingSpec
from scaleproof.spec.trace_file import Trace

SERVICE = ServiceModel(
    cpu_seconds_per_request=0.0025,
    capacity_per_second=140,
    request_millicores=250,
    limit_millicores=500,
    start_seconds=(15, 25),
)
BUDGET = 0.001


def policy(utilization, low, high):
    target = {"type": "Utilization", "averageUtilization": utilization}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return AutoscalingSpec.model_validate({"minReplicas": low, "maxReplicas": high, "metrics": metrics})


ENOUGH, FEW = policy(80, 8, 8), policy(80, 1, 2)


def asked(**policies):
    return Compared(tuple(policies), pack_policies(list(policies.values()), SERVICE), SERVICE, BUDGET)


def played(compared, rates, name="day.csv", absent=0):
    trace = Trace(name, np.array(rates, float), 1.0, absent)
    comparison = compare(trace.rates, compared.policies, SERVICE, seeds=[1, 2], least_replicas=1)
    return OnTrace(trace, trace.rates, comparison, traffic_notes(compared, trace, trace.rates))


@pytest.fixture(scope="module")
def both():
    compared = asked(enough=ENOUGH, few=FEW)
    return compared, [played(compared, [100.0] * 60 + [500.0] * 60)]


def test_the_table_reads_from_the_clairvoyant_to_who_holds(both):
    lines = comparison_lines(*both)
    assert lines[0] == "trace: day.csv: 2 min at 1 s, 36,000 requests, mean 300/s, peak 500/s"
    assert lines[1] == "service: 140 requests/s a replica within the SLO, 250m requested, up to 25 s to start; 2 runs"
    cells = [line.split() for line in lines[3:6]]
    assert [row[0] for row in cells] == ["clairvoyant", "enough", "few"]
    assert (cells[1][1], cells[1][-1], cells[2][-1]) == ("8", "yes", "NO")
    assert "83 % (seed 1)" in lines[5]  # 500 of 600 requests come in seconds that two replicas cannot hold
    assert lines[-1] == "within 0.1 % of requests in every run: enough"


def test_a_policy_holds_where_it_holds_on_every_trace():
    compared = asked(enough=ENOUGH, few=FEW)
    calm, busy = played(compared, [100.0] * 60, "calm.csv"), played(compared, [2000.0] * 60, "busy.csv")
    assert holding(compared, [calm]) == ("enough", "few")
    assert holding(compared, [calm, busy]) == ()
    lines = comparison_lines(compared, [calm, busy])
    assert lines[-1] == "within 0.1 % of requests in every run on every trace: none"
    assert sum(line.startswith("trace: ") for line in lines) == 2


def test_json_has_the_same_figures_with_units_in_their_names(both):
    document = json.loads(json.dumps(comparison_json(*both), allow_nan=False))
    (trace,) = document["traces"]
    assert (trace["seconds"], trace["requests"], trace["peak_requests_per_second"]) == (120, 36_000, 500)
    enough, few = trace["policies"]
    assert enough["replica_hours"]["value"] == pytest.approx(8 * 120 / 3600)
    assert enough["core_hours"]["value"] == pytest.approx(8 * 120 / 3600 * 0.25)
    assert (enough["holds"], few["holds"], document["holding"]) == (True, False, ["enough"])
    assert few["worst_violation_share"] == pytest.approx(30_000 / 36_000)
    assert document["service"]["capacity_per_second"] == 140


@pytest.mark.parametrize(
    ("policies", "rates", "absent", "note"),
    [
        ({"a": FEW}, [300.0] * 60, 0, "a: maxReplicas 2 holds at most 280 requests/s, the peak of day.csv is 300: needs 3"),
        ({"a": ENOUGH}, [100.0] * 60, 3, "3 of 60 intervals (5 %) have no value; filled with a straight line"),
        ({"a": ENOUGH}, [100.0] * 20, 0, "20 s long, and a replica takes up to 25 s to start"),
        ({"a": policy(150, 1, 9)}, [100.0] * 60, 0, "a: at its target a replica serves 150 requests/s, more than the 140"),
    ],
)
def test_notes_say_what_to_know_before_believing_a_figure(policies, rates, absent, note):
    compared = asked(**policies)
    (found,) = traffic_notes(compared, Trace("day.csv", np.array(rates), 1.0, absent), np.array(rates))
    assert note in found


def test_nothing_to_note_where_all_is_well():
    compared = asked(a=ENOUGH)
    assert traffic_notes(compared, Trace("day.csv", np.full(60, 1000.0), 1.0, 0), np.full(60, 1000.0)) == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (1, "1 s"), (60, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (86_400 * 24, "24 d"), (90_061, "1 d 1 h")],
)
def test_a_span_of_time_in_its_two_largest_units(seconds, text):
    assert span(seconds) == text


def test_thinning_keeps_every_spike_and_the_order():
    times = np.arange(100_000.0)
    values = np.sin(times / 1000)
    values[4_321], values[77_777] = 50.0, -50.0
    thin_times, thin_values = thinned(times, values)
    assert thin_times.shape[0] <= 2 * MOST_COLUMNS
    assert (thin_values.max(), thin_values.min()) == (50.0, -50.0)
    assert (np.diff(thin_times) > 0).all()
    assert (values[thin_times.astype(int)] == thin_values).all()


def test_a_short_series_is_drawn_whole():
    times, values = thinned(np.arange(10.0), np.arange(10.0))
    assert list(values) == list(times) == list(range(10))


def test_the_svg_names_every_policy_as_text_and_is_the_same_each_time(both):
    svg = traffic_picture(*both, "svg", least_replicas=1)
    texts = {element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {"day.csv", "requests/s", "replicas", "clairvoyant", "enough", "few"} <= texts
    assert traffic_picture(*both, "svg", least_replicas=1) == svg


def test_the_png_is_one(both):
    assert traffic_picture(*both, "png", least_replicas=1).startswith(b"\x89PNG")


def test_names_that_a_drawing_library_might_misread():
    names = {"_hidden.yaml": ENOUGH, "$a$.yaml": ENOUGH, "<b>&.yaml": ENOUGH}
    compared = Compared(tuple(names), pack_policies(list(names.values()), SERVICE), SERVICE, BUDGET)
    svg = traffic_picture(compared, [played(compared, [1.0] * 200_000)], "svg", least_replicas=1)
    texts = {element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {"hidden.yaml", "$a$.yaml", "<b>&.yaml"} <= texts
    assert len(svg) < 500_000
