"""Entity tags: which version of a resource a client has (RFC 9110, sections 8.8.3 and 13.1). Pure.

A tag is `"7.2"`: the seventh revision, shown in format 2. The format is in it because the very same revision is shown differently by the
next release, and a strong tag promises the same bytes.
"""

from __future__ import annotations

import re
from typing import Final

ENTITY_TAGS: Final = r'^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$'
"""Pattern of If-Match and If-None-Match."""
LONGEST: Final = 512
_TAG: Final = re.compile(r'(W/)?"([!#-~]*)"')
_OURS: Final = re.compile(r"([0-9]{1,9})\.[0-9]{1,9}")


def entity_tag(revision: int, *, version: int) -> str:
    """A strong one, with its quotes."""
    return f'"{revision}.{version}"'


def revisions_in(header: str) -> list[int]:
    """Of an If-Match: the revisions it admits. Weak tags admit nothing, and `*` nothing either: no write is blind here.

    The format is left aside: only a revision says whether anybody wrote meanwhile.
    """
    found = [_OURS.fullmatch(opaque) for weak, opaque in _TAG.findall(header) if not weak]
    return [int(match[1]) for match in found if match is not None]


def is_among(tag: str, header: str) -> bool:
    """Of an If-None-Match: whether the client has this version already. Compared weakly, as a proxy may have weakened it."""
    if header == "*":
        return True
    return any(f'"{opaque}"' == tag for _, opaque in _TAG.findall(header))
