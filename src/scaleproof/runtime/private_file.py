"""Files that are written whole or not at all, and secrets that only their owner may read."""

from __future__ import annotations

import os
import secrets
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


def keep_password(path: Path) -> str:
    """The password in that file; a random one is written there first where the file is missing or empty."""
    try:
        password = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        password = ""
    if not password:
        password = secrets.token_urlsafe(24)
        write_whole(path, password + "\n", OWNER_ONLY)
    return password
