"""A chart's README comes from its values, and no value goes without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.chart_readme import chart_readme, documented

CHARTS = Path(__file__).parents[3] / "charts"


@pytest.mark.parametrize("chart", ["redis", "locust"])
def test_readme_is_fresh(chart: str) -> None:
    assert (CHARTS / chart / "README.md").read_text() == chart_readme(CHARTS / chart)


def test_comments_belong_to_the_value_below_them() -> None:
    text = "# -- A.\na:\n  # -- B | C.\n  b: 1\n  c: 2\nd: 3\n# no help\ne: 4\n# -- F.\nf-g: {}\n"
    assert list(documented(text)) == [("a", "A."), ("a.b", "B \\| C."), ("f-g", "F.")]


def test_a_value_without_a_comment_is_named(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("# -- Known.\na: 1\nb:\n  c: 2\n")
    with pytest.raises(ValueError, match=r"no comment above b\.c"):
        chart_readme(tmp_path)
