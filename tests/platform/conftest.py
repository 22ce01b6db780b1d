"""A reference platform for each test."""

import pytest
from reference_project import ReferenceProject


@pytest.fixture
def project(tmp_path):
    created = ReferenceProject(tmp_path)
    yield created
    created.scaleproof("down")
