"""Files that are written whole or not at all, and secrets that only their owner may read."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

OWNER_ONLY = 0o600


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace the file by rename: a reader sees the old text or the new one. The mode holds from the first byte."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def new_password() -> str:
    """192 random bits, URL-safe."""
    return secrets.token_urlsafe(24)


def new_key() -> str:
    """256 random bits in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def keep_secret(path: Path, draw: Callable[[], str] = new_password) -> str:
    """What is in that file; what is drawn is written there first where the file is missing or empty."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        text = ""
    if not text:
        text = draw()
        write_whole(path, text + "\n", OWNER_ONLY)
    return text
