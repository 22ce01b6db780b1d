"""One process of upstream's controller for each worker of the tests."""

from __future__ import annotations

import os

import pytest
from upstream.oracle import Oracle


@pytest.fixture(scope="session")
def upstream():
    """Upstream's own controller."""
    oracle = Oracle()
    yield oracle
    oracle.close()


@pytest.fixture(scope="session")
def first_seed():
    """Other random cases each time: SCALEPROOF_SEED=1234 make test-upstream."""
    return int(os.environ.get("SCALEPROOF_SEED", "0")) * 1_000_000


@pytest.fixture
def compare(upstream):
    """Puts cases to both; the differences."""

    def differences(name, cases, ours):
        from upstream.verdict import mismatch

        answers = upstream.ask(cases)
        found = [
            mismatch(f"{name}-sync{i}", alone, own, theirs)
            for i, ((own, alone), theirs) in enumerate(zip(ours, answers, strict=True))
        ]
        # After the first difference in a timeline the rest differs too.
        return next((one for one in found if one), None)

    return differences
