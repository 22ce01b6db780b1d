from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.shop import PLATFORM, POLICY, Inputs


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


@pytest.fixture
def shop() -> dict[str, Any]:
    """What a stack's config holds."""
    return {"scaleproof:policy": POLICY}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder with the shop in it."""
    (tmp_path / "platform.yaml").write_text(json.dumps(PLATFORM))
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": {"scaleproof:policy": POLICY}}))
    return tmp_path
