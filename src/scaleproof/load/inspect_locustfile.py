"""`python -m scaleproof.load.inspect_locustfile FILE` prints who plays in a locustfile as JSON: Locust stays out of scaleproof's process.

Prints {"journeys": […]}, {"ordinary": […], "shape": …}, or {"message": …, "hint": …} and exits with 2.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from scaleproof.load.journeys import journey_of
from scaleproof.spec.errors import BadInputError, ExitCode


def inspect(file: Path) -> dict[str, Any]:
    """The journeys of a locustfile, or its ordinary users. Raises BadInputError where it cannot be imported or has neither, or both."""
    from locust import FastHttpUser, HttpUser  # noqa: PLC0415  # gevent patches whatever imports this
    from locust.util.load_locustfile import load_locustfile  # noqa: PLC0415  # as above

    from scaleproof.load.journey_user import JourneyUser  # noqa: PLC0415  # as above

    try:
        classes, shapes = load_locustfile(str(file.resolve()))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a locustfile does is its author's to mend
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise BadInputError(
            f"{file}: cannot be imported: {type(error).__name__}: {error} ({Path(at.filename).name}, line {at.lineno})",
            hint=f"try `python {file}`",
        ) from None
    if not classes:
        raise BadInputError(
            f"{file}: no user class", hint="define or import a subclass of scaleproof.load.JourneyUser, or of Locust's HttpUser"
        )
    foreign = sorted(name for name, each in classes.items() if not issubclass(each, JourneyUser))
    odd = [name for name in foreign if not issubclass(classes[name], HttpUser | FastHttpUser)]
    if odd:
        raise BadInputError(
            f"{file}: the user class {odd[0]} is neither an HttpUser nor a FastHttpUser: where it sends its requests cannot be seen",
            hint="play it with plain `locust`, or write it as one of these or as a JourneyUser",
        )
    if foreign and len(foreign) < len(classes):
        journey = next(name for name in sorted(classes) if name not in foreign)
        raise BadInputError(
            f"{file}: {journey} is a JourneyUser and {foreign[0]} an ordinary Locust user; a load has one kind",
            hint="write all of them as JourneyUsers, or keep two locustfiles and choose with --locustfile",
        )
    if foreign:
        return {"ordinary": foreign, "shape": type(shapes[0]).__name__ if shapes else None}
    if shapes:
        raise BadInputError(
            f"{file}: {type(shapes[0]).__name__} is a LoadTestShape, but scaleproof draws the load",
            hint="remove it and give `--shape` instead",
        )
    return {"journeys": [journey_of(each).model_dump(mode="json") for each in classes.values()]}


def main(arguments: list[str]) -> int:
    """Print the journeys of the file that is named; the exit code."""
    try:
        answer, code = inspect(Path(arguments[0])), ExitCode.OK
    except BadInputError as error:
        answer, code = {"message": error.message, "hint": error.hint}, ExitCode.BAD_INPUT
    # The last line: a locustfile may print as well.
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
