"""Long work says what it does: a bar on a terminal, plain lines elsewhere."""

import io

from rich.console import Console

from scaleproof.report.progress import BarProgress, LineProgress, open_progress


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_plain_lines_read_as_a_timeline():
    clock, out = Clock(), io.StringIO()
    with LineProgress(out, clock=clock) as progress:
        progress.stage("load", 30)
        for second, note in [(3, "too soon to say"), (10, "330/s"), (12, "again too soon"), (20, "331/s")]:
            clock.now = 100.0 + second
            progress.advance(second, note)
        progress.stage("tune")
        clock.now = 140.0
        progress.advance(20)
        progress.say("done")
    assert out.getvalue().splitlines() == [
        "[   0.0s] load (about 30 s)",
        "[  10.0s]   … 10 of about 30 s  330/s",
        "[  20.0s]   … 20 of about 30 s  331/s",
        "[  20.0s] tune",
        "[  40.0s]   … 20 s",
        "[  40.0s] done",
    ]


def test_a_bar_shows_the_stage_its_note_and_kept_lines():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    with BarProgress(console) as progress:
        progress.stage("load", 30)
        progress.advance(10, "330/s")
        progress.say("a line [with brackets]")
        progress.stage("tune")
        progress.advance(1)
    text = out.getvalue()
    assert "load" in text
    assert "tune" in text
    assert "a line [with brackets]" in text


def test_no_terminal_means_plain_lines():
    assert isinstance(open_progress(io.StringIO()), LineProgress)
