"""`export` from files to text: where the policy comes from, where the text goes, and what is said when something is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fakes.output_readers import documents, effect, patched
from fakes.sample_proof import sample_proof
from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.stack_file import StackFile
from scaleproof.telemetry.run import write_run
from scaleproof.tuner.results import write_proof
from scaleproof.wiring.export import ExportAsked, export

DATA = Path(__file__).parents[1] / "spec/data"
FORMATS = ("pulumi", "hpa", "kustomize", "helm-values", "keda", "vpa")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The reference platform's two files in a folder of their own, which is the current one."""
    for name in ("platform.yaml", "Pulumi.dev.yaml"):
        shutil.copy(DATA / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def proof_folder(tmp_path_factory):
    """A proof of a new policy that is better."""
    folder = tmp_path_factory.mktemp("runs") / "20261127T060000-proof"
    proof, runs = sample_proof(users=300)
    for name, run in runs.items():
        write_run(run, folder / name)
    write_proof(proof, folder)
    return folder


def hpa_of(name: str, **spec: object) -> dict:
    """An autoscaler as `kubectl get hpa -o json` shows it."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "creationTimestamp": "2026-11-01T08:00:00Z"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 4, **spec},
        "status": {"currentReplicas": 1},
    }


def exported(capsys, **options) -> tuple[int, str, str]:
    code = export(ExportAsked(**options))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("format_", FORMATS)
def test_standard_output_is_the_text_and_nothing_else(project, capsys, format_):
    before = (project / "Pulumi.dev.yaml").read_bytes()
    code, out, err = exported(capsys, format=format_)
    assert code == ExitCode.OK
    assert documents(out)
    assert out.endswith("\n")
    if format_ in {"hpa", "keda", "vpa"}:
        assert "orders: the policy goes with requests cpu 150m" in err
    assert (project / "Pulumi.dev.yaml").read_bytes() == before
    assert {file.name for file in project.iterdir()} == {"platform.yaml", "Pulumi.dev.yaml"}


def test_one_service_alone(project, capsys):
    _, out, _ = exported(capsys, format="hpa", service="dashboard", namespace="shop")
    (document,) = documents(out)
    assert document["metadata"] == {"name": "dashboard", "namespace": "shop"}


def test_one_file_or_one_a_service(project, capsys):
    exported(capsys, format="hpa", output=Path("hpa.yaml"))
    assert len(documents(Path("hpa.yaml").read_text())) == 2
    Path("folder").mkdir()
    _, out, _ = exported(capsys, format="hpa", output=Path("folder"))
    assert sorted(file.name for file in Path("folder").iterdir()) == ["dashboard-autoscaler.yaml", "orders-autoscaler.yaml"]
    assert "written: folder/orders-autoscaler.yaml" in out


def test_a_component_is_a_folder(project, capsys):
    exported(capsys, format="kustomize", output=Path("deploy/scaleproof"), service="orders")
    names = sorted(file.name for file in Path("deploy/scaleproof").iterdir())
    assert names == ["kustomization.yaml", "orders-autoscaler.yaml", "orders-deployment.yaml"]
    Path("a-file").write_text("kept")
    with pytest.raises(BadInputError, match="a-file: a file"):
        export(ExportAsked(format="kustomize", output=Path("a-file")))
    assert Path("a-file").read_text() == "kept"


def test_a_stack_that_is_there_keeps_everything_else(project, capsys):
    text = Path("Pulumi.dev.yaml").read_text()
    other = text.replace("minReplicas: 1", "minReplicas: 2", 1) + "  other:key: kept   # why\n"
    Path("Pulumi.prod.yaml").write_text(other)
    _, out, _ = exported(capsys, format="pulumi", service="orders", output=Path("Pulumi.prod.yaml"))
    assert Path("Pulumi.prod.yaml").read_text() == text + "  other:key: kept   # why\n"
    assert "-          minReplicas: 2\n+          minReplicas: 1\n" in out
    _, out, _ = exported(capsys, format="pulumi", output=Path("Pulumi.prod.yaml"))
    assert out == "Pulumi.prod.yaml says so already\n"


def test_a_new_stack_s_file(project, capsys):
    exported(capsys, format="pulumi", output=Path("Pulumi.new.yaml"))
    assert StackFile(Path("Pulumi.new.yaml")).read() == StackFile(Path("Pulumi.dev.yaml")).read()


class TestFromProof:
    def test_the_policy_in_force(self, project, proof_folder, capsys):
        _, out, _ = exported(capsys, format="hpa", service="orders", folder=proof_folder)
        (document,) = documents(out)
        assert document["spec"]["minReplicas"] == 5
        assert "# Policy of proof 20261127T060000-proof (stack dev)" in out

    def test_which_is_the_old_one_where_the_new_one_was_not_better(self, project, proof_folder, tmp_path, capsys):
        folder = tmp_path / "other"
        proof, _ = sample_proof(users=300)
        write_proof(proof.model_copy(update={"in_force": "before"}), folder)
        _, out, _ = exported(capsys, format="hpa", service="orders", folder=folder)
        assert documents(out)[0]["spec"]["minReplicas"] == 1

    def test_a_run_s_policy(self, project, proof_folder, capsys):
        _, out, _ = exported(capsys, format="hpa", service="orders", folder=proof_folder / "A1")
        assert documents(out)[0]["spec"]["minReplicas"] == 1

    def test_a_pull_request_names_no_folder_of_this_machine(self, project, proof_folder, capsys):
        code, out, err = exported(capsys, format="pull-request", folder=proof_folder)
        assert (code, err) == (ExitCode.OK, "")
        assert "scaleproof report runs/20261127T060000-proof" in out
        assert str(proof_folder.parent) not in out

    def test_its_exit_code_is_the_verdict_s(self, project, proof_folder, tmp_path, capsys):
        folder = tmp_path / "worse"
        shutil.copytree(proof_folder, folder)
        proof, _ = sample_proof(users=300, better=False)
        write_proof(proof, folder)
        code, _, _ = exported(capsys, format="pull-request", folder=folder, output=Path("body.md"))
        assert code == ExitCode.VERDICT_NO
        assert Path("body.md").read_text().startswith("## ❌ Not better")

    def test_a_run_is_none(self, project, proof_folder):
        with pytest.raises(BadInputError, match="rests on a proof"):
            export(ExportAsked(format="pull-request", folder=proof_folder / "A1"))


class TestJsonPatch:
    def write(self, *objects: dict) -> Path:
        file = Path("hpa.json")
        document = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        file.write_text(json.dumps(document, indent=4))
        return file

    def test_it_is_made_for_the_service_that_the_autoscaler_scales(self, project, capsys):
        live = hpa_of("orders")
        _, out, _ = exported(capsys, format="json-patch", against=self.write(live))
        new = patched(live, json.loads(out))
        assert effect(new["spec"]) == effect(StackFile.of(project, "dev").read().services["orders"].autoscaling)
        assert new["metadata"] == live["metadata"]

    def test_nothing_to_change(self, project, capsys):
        policy = StackFile.of(project, "dev").read().services["orders"].autoscaling
        live = hpa_of("orders", **policy.model_dump(mode="json", by_alias=True, exclude_none=True))
        _, out, err = exported(capsys, format="json-patch", against=self.write(live))
        assert out == "[]\n"
        assert "orders: the autoscaler already does what the policy says." in err

    def test_several_need_a_service(self, project, capsys):
        file = self.write(hpa_of("orders"), hpa_of("dashboard"), hpa_of("other"))
        with pytest.raises(BadInputError, match=r"several autoscalers \(orders, dashboard\)"):
            export(ExportAsked(format="json-patch", against=file))
        _, out, _ = exported(capsys, format="json-patch", against=file, service="dashboard")
        assert {"op": "replace", "path": "/spec/maxReplicas", "value": 2} in json.loads(out)

    def test_a_lone_autoscaler_of_another_name_is_the_service_s_that_was_asked_for(self, project, capsys):
        file = self.write(hpa_of("shop-orders"))
        with pytest.raises(BadInputError, match="no HorizontalPodAutoscaler of orders, dashboard"):
            export(ExportAsked(format="json-patch", against=file))
        assert exported(capsys, format="json-patch", against=file, service="orders")[0] == ExitCode.OK

    @pytest.mark.parametrize(
        ("live", "says"),
        [
            ({**hpa_of("orders"), "apiVersion": "autoscaling/v1"}, "expected autoscaling/v2, found autoscaling/v1"),
            (hpa_of("orders", maxReplica=3), "spec.maxReplica"),
            (hpa_of("orders", metrics="cpu"), "spec.metrics"),
            (hpa_of("orders", minReplicas=9), "minReplicas 9 is greater than maxReplicas 4"),
            ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders"}}, "no HorizontalPodAutoscaler"),
        ],
    )
    def test_what_is_wrong_with_it(self, project, live, says):
        with pytest.raises(BadInputError, match=says) as error:
            export(ExportAsked(format="json-patch", against=self.write(live)))
        assert "hpa.json" in str(error.value)


class TestKeda:
    settings = """\
  scaleproof:kubernetes:
    version: 1
    keda:
      prometheus_url: http://prometheus.monitoring:9090
      requests_per_replica: {orders: 90}
"""

    def triggers(self, text: str) -> dict:
        return {document["metadata"]["name"]: document["spec"]["triggers"] for document in documents(text)}

    def test_what_the_stack_says_of_keda(self, project, capsys):
        Path("Pulumi.dev.yaml").write_text(Path("Pulumi.dev.yaml").read_text() + self.settings)
        found = self.triggers(exported(capsys, format="keda")[1])
        (trigger,) = found["orders"]
        assert trigger["metadata"] == {
            "serverAddress": "http://prometheus.monitoring:9090",
            "query": 'sum(rate(envoy_cluster_upstream_rq_total{pod=~"reference-dev-(gateway|internal)-.+",envoy_cluster_name="orders"}[1m]))',
            "threshold": "90",
        }
        assert found["dashboard"][0]["type"] == "cpu"

    def test_options_come_first(self, project, capsys):
        Path("Pulumi.dev.yaml").write_text(Path("Pulumi.dev.yaml").read_text() + self.settings)
        query = 'sum(rate(http_requests_total{service="{service}"}[1m]))'
        found = self.triggers(exported(capsys, format="keda", prometheus="http://other:9090", query=query)[1])
        metadata = found["orders"][0]["metadata"]
        assert metadata["serverAddress"] == "http://other:9090"
        assert metadata["query"] == 'sum(rate(http_requests_total{service="orders"}[1m]))'

    def test_a_query_without_a_prometheus(self, project):
        with pytest.raises(BadInputError, match="--query needs --prometheus"):
            export(ExportAsked(format="keda", query="sum(x)"))


def test_an_older_cluster_gets_no_tolerance(project, capsys):
    text = Path("Pulumi.dev.yaml").read_text()
    wanted = text.replace("scaleDown: {", 'scaleDown: {tolerance: "0.2", ')
    Path("Pulumi.dev.yaml").write_text(wanted)
    assert "tolerance:" in exported(capsys, format="hpa")[1]
    Path("Pulumi.dev.yaml").write_text(wanted + '  scaleproof:kubernetes: {version: 1, kubernetes_version: "1.34"}\n')
    _, out, err = exported(capsys, format="hpa")
    assert "tolerance:" not in out
    assert "orders: tolerance is left out" in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "hpa", "stack": "prod"}, "Pulumi.prod.yaml: no such file"),
        ({"format": "hpa", "stack": "../x"}, "stack '../x'"),
        ({"format": "hpa", "service": "ghost"}, "--service 'ghost': no such service in stack dev"),
        ({"format": "json-patch"}, "needs --against FILE"),
        ({"format": "json-patch", "against": Path("none.json")}, "none.json: no such file"),
        ({"format": "hpa", "folder": Path()}, "neither a proof"),
        ({"format": "pull-request"}, "neither a proof"),
        ({"format": "hpa", "output": Path("none/hpa.yaml")}, "cannot be written"),
    ],
)
def test_what_is_missing_is_said(project, options, says):
    with pytest.raises(BadInputError, match=says):
        export(ExportAsked(**options))
