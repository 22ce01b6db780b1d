"""The verbs that show a part of the reference platform at work. They need its checkout, and start programs of it."""

from __future__ import annotations

from pathlib import Path

import click

from scaleproof.cli.contents import Verb, cli, example


def demo_options(verb: Verb) -> Verb:
    """--checkout and --quick, which every demo takes."""
    folder = click.Path(file_okay=False, path_type=Path)
    verb = click.option("--quick", is_flag=True, help="Shorter phases, rougher figures.")(verb)
    return click.option(
        "--checkout", type=folder, default=Path(), help="Folder of scaleproof's repository. [default: this one]"
    )(verb)


@cli.group()
def demo() -> None:
    """Show a part of the reference platform at work, before and after; needs its checkout."""


@demo.command()
@demo_options
@example("scaleproof demo database")
def database(checkout: Path, *, quick: bool) -> int:
    """Orders' queries as first written and as they are now, on the same rows."""
    return _run("database", checkout, quick=quick)


@demo.command()
@demo_options
@example("scaleproof demo cache")
def cache(checkout: Path, *, quick: bool) -> int:
    """Reads a second without and with the cache, staleness after writes, a crowd that misses, Redis killed."""
    return _run("cache", checkout, quick=quick)


@demo.command()
@demo_options
@example("scaleproof demo jwt")
def jwt(checkout: Path, *, quick: bool) -> int:
    """Signing in, forged tokens, a stolen refresh token, rotating keys."""
    return _run("jwt", checkout, quick=quick)


@demo.command()
@demo_options
@example("scaleproof demo errors")
def errors(checkout: Path, *, quick: bool) -> int:
    """The same wrong requests to a plain service and gateway, and to these."""
    return _run("errors", checkout, quick=quick)


@demo.command()
@demo_options
@example("scaleproof demo dashboard")
def dashboard(checkout: Path, *, quick: bool) -> int:
    """The dashboard in your browser, signed in, with sample data, until Ctrl-C. --quick: only check that it would be."""
    return _run("dashboard", checkout, quick=quick)


def _run(name: str, checkout: Path, *, quick: bool) -> int:
    from scaleproof.wiring.demo import run_demo

    return run_demo(name, checkout, quick=quick)
