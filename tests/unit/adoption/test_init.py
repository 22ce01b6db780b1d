"""`scaleproof init` from end to end: what it writes is a project that other verbs take."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scaleproof.simulator.calibration import Calibration, Estimate, ServiceCalibration, Stamp
from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.platform_file import check_policy_fits, read_platform
from scaleproof.spec.stack_file import StackFile, read_policy
from scaleproof.wiring.adoption import init
from scaleproof.wiring.project import Project

FIXTURES = Path(__file__).parent / "fixtures"
SHOP = FIXTURES / "shop"


def run(output, **options):
    known = {
        "from_cluster": False,
        "namespaces": (),
        "context": None,
        "manifests": (),
        "openapi": (),
        "locustfile": None,
        "stack": "dev",
        "force": False,
    }
    return init(**{**known, **options}, output=output)


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_manifests_become_a_project(tmp_path, capsys):
    assert run(tmp_path, manifests=[SHOP]) == ExitCode.OK
    assert sorted(contents(tmp_path)) == ["Pulumi.dev.yaml", "loadtests/locustfile.py", "platform.yaml"]
    platform, policy = read_platform(tmp_path / "platform.yaml"), read_policy(tmp_path / "Pulumi.dev.yaml")
    check_policy_fits(policy, platform, policy_file=Path("s"), platform_file=Path("p"))
    said = capsys.readouterr().out
    assert said.startswith("5 services: cart, catalogue, checkout, front, payment\n")
    assert "cart, catalogue, payment: slo: 99 % within 250 ms (no source says what users are promised)" in said
    assert "visitors" in said
    assert "scaleproof lint" in said
    assert "hunter2" not in said + "".join(map(str, contents(tmp_path).values()))


def test_twice_gives_the_same_bytes_and_nothing_is_overwritten_unasked(tmp_path):
    run(tmp_path, manifests=[SHOP])
    first = contents(tmp_path)
    (tmp_path / "platform.yaml").write_text("mine\n")
    before = contents(tmp_path)
    with pytest.raises(BadInputError, match=r"platform.yaml, .*locustfile.py are there already") as caught:
        run(tmp_path, manifests=[SHOP])
    assert "--force" in (caught.value.hint or "")
    assert contents(tmp_path) == before
    run(tmp_path, manifests=[SHOP], force=True)
    assert contents(tmp_path) == first
    reordered = sorted(SHOP.glob("*.yaml"), reverse=True)
    run(tmp_path / "other", manifests=reordered)
    # The same services in the same order: only the order in which Ingresses were met could differ, and there is one.
    assert contents(tmp_path / "other")["platform.yaml"] == first["platform.yaml"]


def test_a_tuned_policy_changes_its_own_lines_only(tmp_path):
    run(tmp_path, manifests=[SHOP])
    store = StackFile.of(tmp_path, "dev")
    policy = store.read()
    autoscaling = policy.services["front"].autoscaling.model_copy(update={"max_replicas": 20})
    front = policy.services["front"].model_copy(update={"autoscaling": autoscaling})
    diff = store.write(policy.model_copy(update={"services": {**policy.services, "front": front}}))
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-          maxReplicas: 12", "+          maxReplicas: 20"]


def test_the_project_can_be_simulated(tmp_path, capsys):
    run(tmp_path, manifests=[SHOP], openapi=[str(FIXTURES / "catalogue.openapi.yaml")])
    file = tmp_path / "calibration.json"
    file.write_text(calibration(Project.open(tmp_path, stack="dev", target="local")).model_dump_json())
    capsys.readouterr()
    project = Project.open(tmp_path, stack="dev", target="local")
    plan = project.plan(users=100, shape="steps", seed=1, processes=None)
    assert project.simulate(plan, calibration=file, seeds=2, as_json=True) == ExitCode.OK
    predicted = json.loads(capsys.readouterr().out)
    assert set(predicted["violation_by_service"]) == {"cart", "catalogue", "checkout", "front", "payment"}
    assert max(predicted["replicas"]["front"]) >= 2


def calibration(project):
    def exactly(value):
        return Estimate(value=value, low=value, high=value)

    known = ServiceCalibration(
        cpu_seconds_per_request=exactly(0.01),
        wait_seconds=exactly(0.0),
        capacity_per_second=exactly(8.0),
        usage_at_capacity_cores=0.1,
        memory_peak_bytes=2**26,
        request_millicores=100,
        limit_millicores=100,
        start_seconds=(5.0, 8.0),
        start_burn_cores=0.1,
        start_burn_seconds=3.0,
        highest_rate_per_replica=10.0,
        highest_replicas=4,
    )
    services = {}
    for name, service in project.platform.services.items():
        limit = project.policy.services[name].resources.limits.cpu_millicores
        calls = dict.fromkeys(service.calls, 0.5)
        services[name] = known.model_copy(update={"calls": calls, "limit_millicores": limit, "request_millicores": limit})
    stamp = Stamp(machine="m", target="local", image="i", limits={}, measured_at=0.0)
    return Calibration(stamp=stamp, slo=dict.fromkeys(services, (0.5, 0.99)), services=services)


def test_an_openapi_document_alone_is_a_project(tmp_path):
    run(tmp_path, openapi=[str(FIXTURES / "catalogue.openapi.yaml")])
    platform = read_platform(tmp_path / "platform.yaml")
    assert list(platform.services) == ["catalogue"]
    assert platform.services["catalogue"].routes == ["/api/catalogue"]
    assert platform.services["catalogue"].image is None
    assert "class CatalogueVisitor" in (tmp_path / "loadtests/locustfile.py").read_text()


def test_an_openapi_document_can_be_given_to_a_service(tmp_path):
    run(tmp_path, manifests=[SHOP], openapi=[f"payment={FIXTURES / 'catalogue.openapi.yaml'}"])
    journeys = (tmp_path / "loadtests/locustfile.py").read_text()
    assert '@serves("payment")' in journeys
    # Who has no document is looked at: nobody who is routed goes without a load.
    assert '@serves("front")' in journeys
    with pytest.raises(BadInputError, match="no such service; there are cart"):
        run(tmp_path, manifests=[SHOP], openapi=[f"pay={FIXTURES / 'catalogue.openapi.yaml'}"], force=True)


def test_a_locustfile_of_ones_own_is_named_and_left_alone(tmp_path):
    mine = tmp_path / "tests/locust.py"
    mine.parent.mkdir()
    mine.write_text("# mine\n")
    run(tmp_path / "scale", locustfile=mine)
    assert read_platform(tmp_path / "scale/platform.yaml").load.locustfile == "../tests/locust.py"
    assert sorted(contents(tmp_path / "scale")) == ["Pulumi.dev.yaml", "platform.yaml"]
    assert mine.read_text() == "# mine\n"
    run(tmp_path, manifests=[SHOP], locustfile=mine)
    assert read_platform(tmp_path / "platform.yaml").load.locustfile == "tests/locust.py"
    assert not (tmp_path / "loadtests").exists()


def test_standard_input_and_a_stack_of_its_own(tmp_path, monkeypatch):
    text = "\n---\n".join(file.read_text() for file in sorted(SHOP.glob("*.yaml")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    run(tmp_path, manifests=[Path("-")], stack="prod")
    assert read_policy(tmp_path / "Pulumi.prod.yaml").services["front"].autoscaling.max_replicas == 12
    assert "standard input" in (tmp_path / "platform.yaml").read_text()


def test_of_a_folder_hidden_files_and_values_are_passed_over(tmp_path):
    folder = tmp_path / "manifests"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/broken.yaml").write_text("[")
    (folder / "values.yaml").write_text("replicas: 3\n")
    (folder / "README.md").write_text("[")
    (folder / "cart.json").write_text(json.dumps(YAML(typ="safe").load(SHOP / "backends.yaml")))
    run(tmp_path / "out", manifests=[folder])
    assert list(read_platform(tmp_path / "out/platform.yaml").services) == ["cart", "catalogue"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "init from what?"),
        ({"from_cluster": True, "manifests": [SHOP]}, "exclude each other"),
        ({"manifests": [SHOP], "namespaces": ("a",)}, "--namespace is for --from-cluster"),
        ({"openapi": ["x.yaml"], "context": "a"}, "--context is for --from-cluster"),
        ({"manifests": [Path("nowhere.yaml")]}, "nowhere.yaml: no such file"),
        ({"openapi": ["nowhere.yaml"]}, "nowhere.yaml: no such file"),
        ({"manifests": [FIXTURES / "catalogue.openapi.yaml"]}, "no Kubernetes object in it"),
        ({"openapi": [str(SHOP / "front.yaml")]}, "expected an OpenAPI document"),
        ({"locustfile": Path("nowhere.py")}, "nowhere.py: no such locustfile"),
        ({"manifests": [SHOP], "stack": "../x"}, "stack '../x'"),
    ],
)
def test_one_clear_message_and_nothing_written(tmp_path, options, message):
    with pytest.raises(BadInputError) as caught:
        run(tmp_path / "out", **options)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="not UTF-8"):
        run(tmp_path / "out", manifests=[tmp_path / "x.yaml"])


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "loadtests").write_text("a file where a folder should be")
    with pytest.raises(BadInputError, match="cannot be written"):
        run(tmp_path, manifests=[SHOP])
    assert sorted(contents(tmp_path)) == ["loadtests"]


def test_hostile_names_are_cleaned(tmp_path, capsys):
    text = (SHOP / "checkout.yaml").read_text().replace("registry.example/shop/checkout:1.4.2", '"x:1\\e[31m\\nkind: Secret"')
    (tmp_path / "x.yaml").write_text(text)
    run(tmp_path / "out", manifests=[tmp_path / "x.yaml"])
    said = capsys.readouterr().out
    assert all(line.isprintable() for line in said.splitlines())
    assert read_platform(tmp_path / "out/platform.yaml").services["checkout"].image == "x:1\x1b[31m\nkind: Secret"
