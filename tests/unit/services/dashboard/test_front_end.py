"""How the front end's files are answered: compressed, cached for ever or never, and with what keeps other people's code out."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.common.errors.catalogue import load_catalogue
from services.common.errors.factory import ErrorResponseFactory
from services.common.errors.handlers import install
from services.dashboard.front_end import SECURITY, create_front_end_router, read_files, takes

SCRIPT = b"export {};"


def client_of(folder: Path) -> TestClient:
    app = FastAPI(redirect_slashes=False)
    app.include_router(create_front_end_router(folder))
    install(app, ErrorResponseFactory(load_catalogue("services.dashboard"), service="dashboard"))
    return TestClient(app, follow_redirects=False, headers={"accept-encoding": ""})


@pytest.fixture
def built(tmp_path: Path) -> TestClient:
    """A page, and one script that is there as brotli and gzip too."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets/main-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "assets/main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "assets/main-1a2b.js.br").write_bytes(b"smaller")
    (tmp_path / "notes.txt").write_text("not for anybody")
    return client_of(tmp_path)


def test_the_page_is_asked_for_again_each_time(built):
    answer = built.get("/dashboard/")
    assert (answer.status_code, answer.text) == (200, "<!doctype html>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert built.get("/dashboard/", headers={"if-none-match": answer.headers["etag"]}).status_code == 304


def test_the_path_without_its_slash_leads_there(built):
    answer = built.get("/dashboard")
    assert (answer.status_code, answer.headers["location"]) == (308, "/dashboard/")


def test_what_has_its_hash_in_its_name_never_changes(built):
    answer = built.get("/dashboard/assets/main-1a2b.js")
    assert answer.content == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/assets/main-1a2b.js"])
def test_it_is_only_read(built, path):
    answer = built.post(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("deflate", None), ("", None)],
)
def test_each_client_gets_the_smallest_that_it_takes(built, accepted, encoding):
    answer = built.head("/dashboard/assets/main-1a2b.js", headers={"accept-encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"


def test_an_encoding_is_refused_by_a_weight_of_nothing():
    assert takes("GZIP", "gzip")
    assert takes("br; q=0.001", "br")
    assert not takes("br; q=0.000", "br")
    assert not takes("brotli", "br")


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/assets/main-1a2b.js"])
def test_every_answer_says_what_the_page_may_do(built, path):
    headers = built.get(path).headers
    assert {name: headers[name] for name in SECURITY} == SECURITY
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["assets/other.js", "assets/main-1a2b.js.br", "notes.txt", "../app.py", "..%2fapp.py", "%2fetc/passwd", "assets/"]
)
def test_nothing_else_is_there(built, path):
    answer = built.get(f"/dashboard/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_where_nothing_was_built_the_answer_says_so(tmp_path):
    assert read_files(tmp_path / "static") == {}
    answer = client_of(tmp_path / "static").get("/dashboard/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "make web" in answer.json()["detail"]
