"""Kubernetes rounds maxSurge up."""

from __future__ import annotations

import pytest

from scaleproof.spec.rollout import with_surge


@pytest.mark.parametrize(("replicas", "at_most"), [(0, 0), (1, 2), (4, 5), (5, 7), (8, 10)])
def test_a_quarter_more_rounded_up(replicas: int, at_most: int):
    assert with_surge(replicas) == at_most
