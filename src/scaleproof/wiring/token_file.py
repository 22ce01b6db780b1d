"""A secret in a file of its own: on a command line everybody on the machine could read it."""

from __future__ import annotations

from pathlib import Path

from scaleproof.spec.errors import BadInputError


def read_token(file: Path) -> str:
    """The token alone. Raises BadInputError where the file cannot be read, or has none."""
    hint = "expected a file with the bearer token alone"
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file}: cannot be read ({error})", hint=hint) from None
    if not token or len(token.split()) > 1:
        raise BadInputError(f"{file}: no token", hint=hint)
    return token
