"""The charts are shipped with the package: a verb or a Pulumi program finds them without a checkout."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize("chart", ["redis", "locust"])
def test_a_chart_is_a_folder_of_the_installed_package(chart: str) -> None:
    with as_file(files("scaleproof") / "charts" / chart) as folder:
        assert (folder / "Chart.yaml").read_text().startswith("apiVersion: v2\n")
        assert any((folder / "templates").glob("*.yaml"))


def test_the_wheel_holds_every_file_of_the_charts() -> None:
    builder = WheelBuilder(str(PROJECT))
    shipped = {file.distribution_path for file in builder.recurse_included_files() if "/charts/" in file.distribution_path}
    of_charts = {
        str(Path("scaleproof") / file.relative_to(PROJECT)) for file in (PROJECT / "charts").rglob("*") if file.is_file()
    }
    assert {name for name in of_charts if "__pycache__" not in name} <= shipped
