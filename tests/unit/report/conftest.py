"""One proof and its report for all tests: building and rendering them takes a second."""

import pytest

from fakes.sample_proof import sample_proof
from scaleproof.report.findings import find
from scaleproof.report.html import html_report
from scaleproof.report.subject import Subject


@pytest.fixture(scope="session")
def sample():
    return sample_proof()


@pytest.fixture(scope="session")
def findings(sample):
    return find(Subject.of_proof(*sample))


@pytest.fixture(scope="session")
def page(findings):
    return html_report(findings)
