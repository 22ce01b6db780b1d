"""A running platform now (`telemetry.live.Snapshot`), as lines for a terminal of some width, as one plain line a service, and as JSON. Pure."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from scaleproof.hpa.reasons import MEANINGS
from scaleproof.report.checkup import harmless
from scaleproof.report.finite import finite
from scaleproof.report.wording import MISSING, amount, clock, duration, is_known, number, percent
from scaleproof.telemetry.live import DecisionReading, LoadReading, ServiceNow, Snapshot

LIVE_VERSION: Final = 1
_BARS: Final = "▁▂▃▄▅▆▇█"
_NARROW: Final = 40
_NAME: Final = 14
_COLUMNS: Final = (("rate", 10), ("p95", 9), ("errors", 9), ("SLO", 16), ("replicas", 12))
_GAP: Final = 2
_WHY_LINES: Final = 2
"""An autoscaler's reason may be long; the next service must stay in sight."""


@dataclass(frozen=True)
class Heading:
    """What is looked at."""

    platform: str
    stack: str
    target: str
    url: str
    trouble: str | None = None
    """Why nothing newer than the snapshot is known."""


def screen_lines(snapshot: Snapshot, heading: Heading, width: int) -> list[Text]:
    """Everything, in lines of at most `width` cells."""
    width = max(width, _NARROW)
    lines = [_title(snapshot, heading, width), _load(snapshot.load, width)]
    if heading.trouble is not None:
        lines.append(_fitted(f"not seen since: {harmless(heading.trouble)}", width, "bold red"))
    lines += [Text(), _fitted(_row("service", [name for name, _ in _COLUMNS]), width, "bold")]
    most = max((max(service.ready_before, default=0) for service in snapshot.services), default=0)
    for service in snapshot.services:
        lines += _service(service, width, most)
    if not snapshot.services:
        lines.append(Text("no service yet: the platform is starting"))
    lines += [Text(), _fitted(_legend(snapshot), width, "dim")]
    return lines


def plain_lines(snapshot: Snapshot) -> list[str]:
    """One line for the load, where there is one, and one a service: for a log, or a pipe."""
    moment = _time(snapshot.time)
    lines = [] if snapshot.load is None else [f"{moment} load: {load_words(snapshot.load)}"]
    for service in snapshot.services:
        parts = [
            f"{_rate(service.rate)} requests/s",
            f"p95 {duration(service.p95_s)}",
            f"errors {percent(service.error_share)}",
            f"SLO {_promise(service)}",
            f"replicas {_replicas(service)}",
            f"cpu {_cpu(service)}",
        ]
        lines.append(f"{moment} {service.name}: {', '.join(parts)}; {decision_words(service)}")
    return lines or [f"{moment} no service yet: the platform is starting"]


def json_line(snapshot: Snapshot, heading: Heading) -> str:
    """The snapshot as one line of JSON; what is not known is null."""
    services = {
        service.name: {key: value for key, value in asdict(service).items() if key != "name"} | {"keeps_slo": service.keeps_slo}
        for service in snapshot.services
    }
    document = {
        "version": LIVE_VERSION,
        "time": snapshot.time,
        "platform": heading.platform,
        "stack": heading.stack,
        "target": heading.target,
        "gateway_url": heading.url,
        "load": None if snapshot.load is None else asdict(snapshot.load),
        "services": services,
    }
    return json.dumps(finite(document), ensure_ascii=False, allow_nan=False)


def load_words(load: LoadReading) -> str:
    """Users, time and the generator, in a few words."""
    if load.elapsed_s < 0:
        return f"{number(load.most_users)} users are being made ready ({harmless(load.shape)})"
    kind = ", closed loop" if load.closed_loop else ""
    cores = f", generator {amount(load.generator_cores)} cores" if is_known(load.generator_cores) else ""
    at = f"{clock(min(load.elapsed_s, load.duration_s))} of {clock(load.duration_s)}"
    return f"{number(load.users)} of {number(load.most_users)} users, {harmless(load.shape)}{kind}, {at}{cores}"


def decision_words(service: ServiceNow) -> str:
    """What the autoscaler last decided, and why, in words."""
    if service.held:
        return "the autoscaler is suspended: replicas are held"
    decision = service.decision
    if decision is None:
        return "no decision of the autoscaler yet"
    at = "" if decision.time is None else f" at {_time(decision.time)}"
    return f"{_count(decision)}{at}: {_why(decision)}"


def _count(decision: DecisionReading) -> str:
    if decision.current == decision.desired:
        return f"stays at {decision.desired}"
    return f"{decision.current} → {decision.desired}"


def _why(decision: DecisionReading) -> str:
    meaning, message = MEANINGS.get(decision.reason, decision.reason), harmless(decision.message)
    # Our own autoscaler's message begins with the count, which was said; a cluster's is upstream's sentence.
    message = message.removeprefix(f"{_count(decision)}: ")
    if not message:
        return meaning or "no reason was given"
    return message if not meaning or meaning in message else f"{meaning} ({message})"


def sparkline(values: tuple[int, ...], cells: int, most: int) -> str:
    """The values as at most so many bars, the youngest last, `most` as the highest; where several share a bar it is the greatest."""
    if cells <= 0:
        return ""
    each = -(-len(values) // cells) or 1
    shown = [max(values[max(0, end - each) : end]) for end in range(len(values), 0, -each)][::-1]
    top = len(_BARS) - 1
    return "".join(_BARS[round(top * min(value, most) / most)] if most > 0 else _BARS[0] for value in shown)


def _title(snapshot: Snapshot, heading: Heading, width: int) -> Text:
    moment = _time(snapshot.time)
    left = f"{heading.platform}  {heading.target}, stack {heading.stack}  {heading.url}"
    room = width - cell_len(moment) - _GAP
    return Text(f"{set_cell_size(_cut(left, room), room)}{' ' * _GAP}{moment}", style="bold")


def _load(load: LoadReading | None, width: int) -> Text:
    words = "no load is played from here" if load is None else f"load: {load_words(load)}"
    return _fitted(words, width, "dim" if load is None else "cyan")


def _service(service: ServiceNow, width: int, most: int) -> list[Text]:
    cells = [_rate(service.rate) + " /s", duration(service.p95_s), percent(service.error_share), _promise(service)]
    row = _row(service.name, [*cells, _replicas(service)])
    bars = sparkline(service.ready_before, max(0, width - cell_len(row) - _GAP), most)
    first = Text(_cut(f"{row}{' ' * _GAP}{bars}" if bars else row, width))
    first.highlight_words([_promise(service)], style={None: "dim", True: "green", False: "bold red"}[service.keeps_slo])
    if service.ready < service.desired:
        first.highlight_words([_replicas(service)], style="yellow")
    if is_known(service.error_share) and service.error_share > 0:
        first.highlight_words([percent(service.error_share)], style="red")
    about = [f"cpu {_cpu(service)}", decision_words(service)]
    if cell_len("; ".join(about)) <= width - _GAP:
        about = ["; ".join(about)]
    else:
        about[1:] = textwrap.wrap(about[1], width - _GAP, max_lines=_WHY_LINES, placeholder=" …")
    style = "yellow" if service.held else ""
    return [first, *(_fitted(f"{' ' * _GAP}{line}", width, style) for line in about)]


def _row(name: str, cells: list[str]) -> str:
    columns = [set_cell_size(_cut(name, _NAME), _NAME)]
    columns += [" " * (size - cell_len(cell)) + cell for cell, (_, size) in zip(cells, _COLUMNS, strict=True)]
    return "".join(columns)


def _promise(service: ServiceNow) -> str:
    if service.keeps_slo is None:
        return MISSING
    return f"{percent(service.good_share)} {'kept' if service.keeps_slo else 'MISSED'}"


def _replicas(service: ServiceNow) -> str:
    return f"{service.ready}/{service.desired} ≤ {service.maximum}"


def _cpu(service: ServiceNow) -> str:
    decision = service.decision
    if decision is None or not is_known(decision.target):
        return percent(service.cpu_share)
    seen = number(decision.utilization) if is_known(decision.utilization) else MISSING
    return f"{percent(service.cpu_share)}, the HPA saw {seen} against {amount(decision.target)}"


def _legend(snapshot: Snapshot) -> str:
    sources = {service.source for service in snapshot.services}
    whose = {
        frozenset({"load"}): "rate, p95, errors and SLO: the load's, from the intended time",
        frozenset({"gateway"}): "rate, p95, errors and SLO: the gateway's, last 10 s",
    }.get(frozenset(sources), "figures of the load where it asks for a service, else the gateway's")
    return f"{whose}; replicas: ready/wanted ≤ most"


def _rate(rate: float) -> str:
    return amount(rate) if is_known(rate) else MISSING


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%H:%M:%S")


def _fitted(text: str, width: int, style: str = "") -> Text:
    return Text(_cut(text, width), style=style)


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)).rstrip() + "…"
