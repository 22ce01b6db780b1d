"""The codes as data: complete, unique, and the gateway's are the services'."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from service_processes import ROOT

from scaleproof.spec.problems import DOCUMENTATION, PROBLEMS
from services.common.errors import field_error
from services.common.errors.catalogue import COMMON, CatalogueError, load_catalogue, read_catalogue
from services.common.errors.openapi import EVERY_OPERATION, WITH_A_BODY

FILES = [COMMON, *sorted((ROOT / "services").glob("*/errors.toml"))]
SERVICES = [file.parent.name for file in FILES[1:]]
PROMISED = {
    "validation_failed": 422,
    "malformed_request": 400,
    "unauthenticated": 401,
    "token_expired": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "internal_error": 500,
    "dependency_failed": 502,
    "temporarily_unavailable": 503,
    "overloaded": 503,
    "deadline_exceeded": 504,
}
"""Front ends branch on these: none is ever renamed, none changes its status."""


def test_no_promised_code_is_gone():
    common = read_catalogue(COMMON)
    assert {code: common[code].status for code in PROMISED} == PROMISED


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_column_says_something(file: Path):
    for code, problem in read_catalogue(file).items():
        assert re.fullmatch("[a-z][a-z0-9_]*", code)
        for sentence in (problem.when, problem.show):
            assert sentence.endswith("."), f"{code}: {sentence}"
        assert not problem.title.endswith("."), code
        assert isinstance(problem.retryable, bool)
        assert problem.retryable or problem.retry_after_seconds is None, f"{code}: who must not try again needs no Retry-After"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_own_codes_beside_the_common_ones(service: str):
    codes = load_catalogue(f"services.{service}")
    assert set(read_catalogue(COMMON)) <= set(codes)
    assert {*EVERY_OPERATION, *WITH_A_BODY} <= set(codes)


def test_no_code_belongs_to_two_services():
    codes = [code for file in FILES for code in read_catalogue(file)]
    assert len(codes) == len(set(codes))


def test_the_gateway_means_by_a_code_what_the_services_mean():
    common = read_catalogue(COMMON)
    for problem in PROBLEMS:
        here = common[problem.code]
        assert (problem.status, problem.title, problem.detail) == (here.status, here.title, here.when), problem.code
        assert problem.retry_after_seconds == here.retry_after_seconds, problem.code
        assert problem.members["type"] == here.type == DOCUMENTATION + here.code


def test_a_kind_of_pydantics_has_one_code():
    tables = tomllib.loads(field_error.FILE.read_text())
    kinds = [kind for columns in tables.values() for kind in columns["kinds"]]
    assert len(kinds) == len(set(kinds))
    assert field_error.OTHER in tables


@pytest.mark.parametrize(("text", "message"), [
    ("[a]\nstatus = 400", "a: "),
    ('[a]\nstatus = 200\ntitle="t"\nwhen="w."\nshow="s."\nretryable=false', "a: 200 is not the status of an error"),
    ('[a]\ncolour = "red"', "a: "),
    ("a = 1", "a: "),
    ("[a", "errors.toml: "),
])  # fmt: skip
def test_a_wrong_file_is_named(tmp_path: Path, text: str, message: str):
    file = tmp_path / "errors.toml"
    file.write_text(text)
    with pytest.raises(CatalogueError, match=re.escape(message)) as caught:
        read_catalogue(file)
    assert str(file) in str(caught.value)


def test_a_service_may_not_redefine_a_common_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "shadowing"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "errors.toml").write_text('[conflict]\nstatus=409\ntitle="t"\nwhen="w."\nshow="s."\nretryable=false')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CatalogueError, match="conflict is a common code already"):
        load_catalogue("shadowing")
