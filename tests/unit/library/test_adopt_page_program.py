"""The Pulumi program of docs/adopt.md, run as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fakes.tiny_platform import tiny_platform, tiny_policy

pulumi_monitor = pytest.importorskip("fakes.pulumi_monitor")
PAGE = Path(__file__).parents[3] / "docs/adopt.md"


def test_it_declares_the_service_with_the_stacks_policy(tmp_path, monkeypatch):
    (program,) = [
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "AutoscaledService(" in code
    ]
    policy = tiny_policy(tiny_platform(("shop",)), most=7, target=65).model_dump(mode="json", by_alias=True, exclude_none=True)
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": {"scaleproof:policy": policy}}))
    monkeypatch.chdir(tmp_path)
    declared = pulumi_monitor.run(lambda: exec(compile(program, str(PAGE), "exec"), {}))
    kinds = {each.type.rpartition(":")[2]: each for each in declared}
    autoscaler = kinds["HorizontalPodAutoscaler"].inputs["spec"]
    assert autoscaler["maxReplicas"] == 7
    assert autoscaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 65
    containers = kinds["Deployment"].inputs["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "ghcr.io/example/shop:1.4"
    assert containers[0]["resources"]["requests"]["cpu"] == "300m"
    assert "replicas" not in kinds["Deployment"].inputs["spec"], "the autoscaler's business"
