"""The report as one HTML file that opens offline: everything inlined, nothing loaded, nothing but its own scripts allowed to run."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

import plotly.offline
from markupsafe import Markup

from scaleproof import __version__
from scaleproof.report.charts.calibration import capacity_chart
from scaleproof.report.charts.chart import Chart
from scaleproof.report.charts.frontier import frontier_chart
from scaleproof.report.charts.host import host_chart
from scaleproof.report.charts.latency import latency_chart, violation_chart
from scaleproof.report.charts.latency_fit import latency_fit_chart
from scaleproof.report.charts.replicas import replica_chart
from scaleproof.report.findings import Finding, Findings
from scaleproof.report.page_parts import asset, template

WORDS: Final = (
    ("Promise (SLO)", "A time and the share of requests that must be answered within it."),
    (
        "Not served well (violation)",
        "The share of intended requests that failed, were never sent, or were slower than promised.",
    ),
    (
        "Intended time",
        "When the user meant to act. Waiting before a request could even be sent counts too, so an overloaded system cannot look quick.",
    ),
    ("Reserved CPU (cost)", "Every replica's seconds since its creation, times the CPU cores it requests."),
    ("p50, p95", "Half of the requests, and 95 of 100, were quicker than this."),
    ("Policy", "How a service scales: the Kubernetes autoscaler's settings and what a replica requests."),
    (
        "Disturbed second",
        "The machine or the load generator was overloaded, so what was measured then is not the platform's doing.",
    ),
)

_GROUPS: Final = {
    "verdict-reason": "verdict",
    "infeasible": "verdict",
    "tuning-reason": "found",
    "capacity": "calibration",
    "bottleneck": "calibration",
    "instrument": "machine",
    "marked-seconds": "machine",
}


def html_report(findings: Findings) -> str:
    """The whole file as text (UTF-8 when written)."""
    charts = _charts(findings)
    every: list[Chart] = []
    for value in charts.values():
        every += value if isinstance(value, list) else [value] if value is not None else []
    groups: dict[str, list[Finding]] = {name: [] for name in ("verdict", "found", "calibration", "machine", "seen")}
    for finding in findings.findings:
        groups[_GROUPS.get(finding.code, "seen")].append(finding)
    proof = findings.subject.proof
    plotly_js, own_js = _script(plotly.offline.get_plotlyjs()), _script(asset("report.js"))
    tables = {table.code: table for table in findings.tables}
    names = (
        "promises",
        "policy",
        "decisions",
        "sensitivity",
        "frontier",
        "predictions",
        "calibration",
        "runs",
        "calls",
        "events",
    )
    page: str = template("report.html.j2").render(
        findings=findings,
        groups=groups,
        charts=charts,
        figures={chart.id: chart.figure for chart in every},
        tables={name: tables.get(name) for name in names},
        contents=_contents(findings, charts, groups),
        in_force=proof is None or proof.in_force == "after",
        words=WORDS,
        version=__version__,
        policy=_content_security_policy(plotly_js, own_js),
        css=Markup(asset("report.css")),  # noqa: S704  our own file
        plotly=plotly_js,
        script=own_js,
    )
    return page


def _charts(findings: Findings) -> dict[str, Any]:
    subject, sides = findings.subject, findings.sides
    platform = subject.sides[-1].run.meta.platform
    services = [name for name in platform.services if all(name in side.timeline.services for side in sides)]
    return {
        "replicas": [replica_chart(name, sides, subject.calibration, index) for index, name in enumerate(services)],
        "latency": [latency_chart(name, sides, index) for index, name in enumerate(services)],
        "violations": violation_chart(services, sides),
        "frontier": None if subject.proof is None else frontier_chart(subject.proof.tuning, platform),
        "capacity": None if subject.calibration is None else capacity_chart(subject.calibration),
        "fit": None if subject.calibration is None else latency_fit_chart(subject.calibration, platform.services),
        "host": host_chart(sides),
    }


def _contents(findings: Findings, charts: dict[str, Any], groups: dict[str, list[Finding]]) -> list[tuple[str, str]]:
    tables = {table.code for table in findings.tables}
    return [
        (anchor, title)
        for anchor, title, shown in (
            ("promises", "Promises", True),
            ("policy", "Policy", findings.diff),
            ("replicas", "Replicas", True),
            ("latency", "Latency", True),
            ("search", "Search", charts["frontier"] or groups["found"]),
            ("prediction", "Prediction", "predictions" in tables),
            ("calibration", "Calibration", charts["capacity"]),
            ("calls", "Calls", "calls" in tables),
            ("machine", "Machine", True),
            ("events", "Events", True),
            ("again", "Do it again", True),
            ("limits", "Limits", True),
            ("words", "Words", True),
        )
        if shown
    ]


def _content_security_policy(*scripts: str) -> str:
    """Nothing is loaded and only these scripts run; plotly writes styles of its own, and saves pictures through blob URLs."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _script(text: str) -> Markup:
    """A script as it may stand in the page: browsers hash it with line feeds, and an end tag within it would end it."""
    return Markup(text.replace("\r\n", "\n").replace("</script", "<\\/script"))  # noqa: S704  plotly's bundle and our own file
