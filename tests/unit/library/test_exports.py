"""`import scaleproof` is quick, and what one's own program uses is found in it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scaleproof

HEAVY = ("pulumi", "pulumi_kubernetes", "pandas", "numpy", "pydantic", "ruamel.yaml", "locust", "kubernetes", "click")


def loaded(script):
    code = f"import sys; {script}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ast.literal_eval(done.stdout)


def test_importing_it_imports_nothing():
    assert loaded("import scaleproof") == []
    assert loaded("import scaleproof; dir(scaleproof); scaleproof.__version__") == []


def test_reading_a_platform_needs_no_pulumi():
    assert not {"pulumi", "pandas", "kubernetes", "locust"} & set(loaded("from scaleproof import read_platform, read_policy"))


def test_every_name_is_there():
    for name in scaleproof.__all__:
        assert getattr(scaleproof, name) is not None
        assert name in dir(scaleproof)


def test_the_stub_names_the_same():
    stub = ast.parse(Path(scaleproof.__file__).with_suffix(".pyi").read_text())
    names = {
        alias.asname: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert names == {name: (f"scaleproof.{home}", name) for name, home in scaleproof._HOMES.items()}


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="module 'scaleproof' has no attribute 'AutoScaledService'"):
        _ = scaleproof.AutoScaledService
    from scaleproof import cli  # a module of its own is still found

    assert cli.cli


def test_the_files_of_a_project_are_read():
    data = Path(__file__).parents[1] / "spec/data"
    platform = scaleproof.read_platform(data / "platform.yaml")
    policy = scaleproof.read_policy(data / "Pulumi.dev.yaml")
    assert set(platform.services) == set(policy.services)
