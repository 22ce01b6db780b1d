"""The front end's files, as `make web` builds them into `static/`: read once, and answered as they are stored, compressed.

A file under `assets/` has the hash of its content in its name and never changes; the page itself is asked for again each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response

from services.common.errors.raised import ServiceError
from services.dashboard.entity_tag import is_among

FOLDER: Final = Path(__file__).with_name("static")
PREFIX: Final = "/dashboard"
PAGE: Final = "index.html"
ASSETS: Final = "assets/"
SUFFIXES: Final[Mapping[str, str]] = MappingProxyType({"br": ".br", "gzip": ".gz"})
"""Encodings with how their files end, the smaller one first."""
MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
SECURITY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
)
"""Nothing from elsewhere, nothing inline, no frame around it, and no text that becomes markup."""


@dataclass(frozen=True)
class StaticFile:
    """One file in the encodings it is stored in; `identity` is always among them."""

    media_type: str
    bodies: Mapping[str, bytes]
    digest: str
    """Of its content, in quotes. As ETag it is weak: one for all encodings."""
    immutable: bool

    def answer(self, accept_encoding: str, if_none_match: str | None) -> Response:
        """The file as this client takes it, or 304."""
        cache = "public, max-age=31536000, immutable" if self.immutable else "no-cache"
        headers = {**SECURITY, "cache-control": cache, "etag": f"W/{self.digest}", "vary": "accept-encoding"}
        if if_none_match is not None and is_among(self.digest, if_none_match):
            return Response(status_code=304, headers=headers)
        encoding = next((each for each in SUFFIXES if each in self.bodies and takes(accept_encoding, each)), "identity")
        if encoding != "identity":
            headers["content-encoding"] = encoding
        return Response(self.bodies[encoding], headers=headers, media_type=self.media_type)


def takes(accept_encoding: str, encoding: str) -> bool:
    """Whether a client names this encoding and does not refuse it (`q=0`)."""
    for each in accept_encoding.lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == encoding:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def read_files(folder: Path) -> dict[str, StaticFile]:
    """Every file by its path below the folder; none where there is no folder."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix not in MEDIA_TYPES:
            continue
        name = file.relative_to(folder).as_posix()
        bodies = {"identity": file.read_bytes()}
        for encoding, suffix in SUFFIXES.items():
            compressed = file.with_name(file.name + suffix)
            if compressed.exists():
                bodies[encoding] = compressed.read_bytes()
        digest = f'"{hashlib.sha256(bodies["identity"]).hexdigest()[:32]}"'
        found[name] = StaticFile(MEDIA_TYPES[file.suffix], MappingProxyType(bodies), digest, name.startswith(ASSETS))
    return found


def create_front_end_router(folder: Path = FOLDER) -> APIRouter:
    """The routes below `/dashboard`; where nothing was built they answer 404, and say why."""
    router = APIRouter(include_in_schema=False)
    files = read_files(folder)

    def answer(name: str, accept_encoding: str, if_none_match: str | None) -> Response:
        if not files:
            raise ServiceError("not_found", "The front end was not built: run `make web`, then start the dashboard again.")
        if name not in files:
            raise ServiceError("not_found")
        return files[name].answer(accept_encoding, if_none_match)

    @router.api_route(PREFIX, methods=["GET", "HEAD"])
    async def without_slash() -> Response:
        """Where the page is."""
        return Response(status_code=308, headers={"location": f"{PREFIX}/"})

    @router.api_route(f"{PREFIX}/", methods=["GET", "HEAD"])
    async def page(
        accept_encoding: Annotated[str, Header()] = "", if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        """The page."""
        return answer(PAGE, accept_encoding, if_none_match)

    @router.api_route(PREFIX + "/{name:path}", methods=["GET", "HEAD"])
    async def asset(
        name: str, accept_encoding: Annotated[str, Header()] = "", if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        """What the page loads."""
        return answer(name, accept_encoding, if_none_match)

    return router
