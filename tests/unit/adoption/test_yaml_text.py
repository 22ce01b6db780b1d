"""What is written is read back as what it was, and `tune` edits it without moving anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from scaleproof.adoption.guesses import printable
from scaleproof.adoption.yaml_text import scalar, yaml_text
from scaleproof.spec.yaml_document import read_yaml, to_plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def read(text):
    return YAML(typ="safe", pure=True).load(text)


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4), TEXT)
def test_what_is_written_is_read_back(tree, comment):
    first = next(iter(tree))
    assert read(yaml_text(tree, {(first,): [comment]}, head=[comment])) == tree


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("100m", "100m"),
        ("256Mi", "256Mi"),
        ("registry.example:5000/x@sha256:11", "registry.example:5000/x@sha256:11"),
        ("/api/v1", "/api/v1"),
        ("1", '"1"'),
        ("0.5", '"0.5"'),
        ("1e3", '"1e3"'),
        ("yes", '"yes"'),
        ("Null", '"Null"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("x:", '"x:"'),
        ("a\nb\u2028\x1b[31m", '"a\\u000ab\\u2028\\u001b[31m"'),
        (30.0, "30"),
        (0.99, "0.99"),
        (True, "true"),
    ],
)
def test_scalars(value, text):
    assert scalar(value) == text


def test_layout_and_comments():
    tree = {
        "version": 1,
        "services": {"cart": {"image": "x:1", "routes": ["/"], "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu"}}],
    }
    comments = {
        ("services", "cart"): ["from\nDeployment \x1b[31mcart"],
        ("services", "cart", "resources", "requests", "cpu"): ["guess: none is stated"],
    }
    assert yaml_text(tree, comments, head=["Top."]) == (
        "# Top.\n"
        "version: 1\n"
        "\n"
        "services:\n"
        "  # from Deployment [31mcart\n"
        "  cart:\n"
        "    image: x:1\n"
        "    routes: [/]\n"
        "    resources:\n"
        "      requests:\n"
        "        # guess: none is stated\n"
        "        cpu: 100m\n"
        "        memory: 64Mi\n"
        "\n"
        "metrics:\n"
        "  - type: Resource\n"
        "    resource: {name: cpu}\n"
    )


def test_an_edit_in_place_moves_nothing_else(tmp_path: Path):
    tree = {
        "config": {
            "x": {
                "services": {
                    "cart": {"autoscaling": {"minReplicas": 1, "metrics": [{"type": "A", "a": {"b": "c"}}]}},
                    "z": {"a": [1, 2]},
                }
            }
        }
    }
    file = tmp_path / "f.yaml"
    file.write_text(yaml_text(tree, {("config", "x", "services", "z"): ["a comment"]}, head=["Top."]))
    document = read_yaml(file)
    assert document.dumped() == document.text
    assert to_plain(document.root) == tree


@given(st.text())
def test_a_line_stays_one_line(text):
    assert printable(text) == "" or printable(text).isprintable()
