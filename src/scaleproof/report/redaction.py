"""Tokens and secrets taken out of text that leaves the machine, such as the body of a pull request. Pure."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"
_TELLING_NAME: Final = r"[\w.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[\w.-]*"
_PATTERNS: Final = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # The scheme goes with the token: `Authorization: Basic dXNlcjpwYXNz`.
    (re.compile(r"(?i)(\bauthorization[\"']?\s*[:=]\s*)[\"']?(?:\w+\s+)?[^\s\"',;]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(\bbearer\s+)(?=\S*[\d._-])[\w.~+/=-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*"), HIDDEN),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/]+@"), rf"\1{HIDDEN}@"),
    # How some issuers' tokens begin.
    (
        re.compile(
            r"\b(?:gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|pul-[0-9a-f]{32,}|AIza[\w-]{30,}|sk-[\w-]{20,}|npm_\w{30,}|pypi-[\w-]{30,})"
        ),
        HIDDEN,
    ),
    (re.compile(rf"(?i)\b({_TELLING_NAME}[\"']?\s*[:=]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&}}\]]+)"), rf"\1{HIDDEN}"),
    # A value that Pulumi has encrypted.
    (re.compile(r"(\bsecure:\s*)[^\s}]+"), rf"\1{HIDDEN}"),
)


def redacted(text: str) -> str:
    """The text with every credential that can be recognised by its form, or by the name before it, replaced by `***`."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
