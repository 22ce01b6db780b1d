"""What a format has no words for is told, or refused; nothing is changed silently."""

from __future__ import annotations

import pytest

from fakes.output_readers import documents
from scaleproof.report.outputs.destination import Destination
from scaleproof.report.outputs.helm_values import helm_values
from scaleproof.report.outputs.hpa import hpa
from scaleproof.report.outputs.json_patch import json_patch
from scaleproof.report.outputs.keda import KedaChoice, RequestRate, keda
from scaleproof.report.outputs.kustomize import kustomize
from scaleproof.report.outputs.vpa import vpa
from scaleproof.report.outputs.yaml_text import to_yaml
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy

HERE = Destination("stack dev")
RESOURCES = {"requests": {"cpu": "100m", "memory": "160Mi"}, "limits": {"cpu": "200m", "memory": "256Mi"}}
REQUESTS = {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "20"}}}
QUEUE = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "500m"}}}
MANY = {"requests": REQUESTS, "queue": QUEUE}


def resource(name: str, share: int) -> dict:
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": share}}}


def policy(*metrics: dict, name: str = "orders", least: int = 1, **more: object) -> Policy:
    autoscaling = {"minReplicas": least, "maxReplicas": 5, "metrics": list(metrics), **more}
    return Policy.model_validate({"version": 1, "services": {name: {"autoscaling": autoscaling, "resources": RESOURCES}}})


def test_an_autoscaler_alone_says_which_resources_it_was_measured_with():
    output = hpa(policy(resource("cpu", 80)), HERE)
    (note,) = output.notes
    assert note.startswith("orders: the policy goes with requests cpu 100m, memory 160Mi and limits cpu 200m, memory 256Mi")
    assert f"# {note}\n" in output.text


class TestHelmValues:
    def test_a_metric_without_a_key_is_named_in_the_file_and_beside_it(self):
        output = helm_values(policy(resource("cpu", 70), REQUESTS), HERE)
        expected = "orders: the metric Pods requests is left out, these values have no key for it."
        assert expected in output.notes
        assert f"# {expected}\n" in output.text

    @pytest.mark.parametrize("metric", MANY.values(), ids=MANY)
    def test_a_policy_of_which_no_metric_can_be_said_is_refused(self, metric):
        with pytest.raises(BadInputError, match=r"orders: scales by .*no key"):
            helm_values(policy(metric), HERE)

    def test_the_chart_s_own_target_does_not_join_in(self):
        (values,) = documents(helm_values(policy(resource("memory", 70)), HERE).text)
        assert values["autoscaling"]["targetCPUUtilizationPercentage"] is None
        assert values["autoscaling"]["targetMemoryUtilizationPercentage"] == 70

    def test_without_metrics_the_cluster_s_own_default_is_stated(self):
        (values,) = documents(helm_values(policy(), HERE).text)
        assert values["autoscaling"]["targetCPUUtilizationPercentage"] == 80

    def test_of_two_targets_for_one_resource_the_lower_one_decides(self):
        (values,) = documents(helm_values(policy(resource("cpu", 90), resource("cpu", 60)), HERE).text)
        assert values["autoscaling"]["targetCPUUtilizationPercentage"] == 60


class TestKeda:
    rate = KedaChoice({"orders": RequestRate("http://p:9090", "sum(x)")})

    def test_a_metric_of_pods_needs_a_prometheus(self):
        with pytest.raises(
            BadInputError, match="orders: scales by the metric requests, which KEDA asks a Prometheus for"
        ) as error:
            keda(policy(REQUESTS), HERE, KedaChoice())
        assert "--prometheus" in str(error.value)

    def test_one_query_cannot_answer_for_two_metrics(self):
        with pytest.raises(BadInputError, match="several metrics"):
            keda(policy(REQUESTS, QUEUE), HERE, self.rate)

    def test_a_value_stays_a_value(self):
        (scaled,) = documents(keda(policy(QUEUE), HERE, self.rate).text)
        (trigger,) = scaled["spec"]["triggers"]
        assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("Value", "0.5")

    def test_requests_a_replica_instead_of_the_policy_s_metrics(self):
        choice = KedaChoice(self.rate.rates, {"orders": 87.5})
        (scaled,) = documents(keda(policy(resource("cpu", 80)), HERE, choice).text)
        (trigger,) = scaled["spec"]["triggers"]
        assert (trigger["type"], trigger["metricType"], trigger["metadata"]["threshold"]) == (
            "prometheus",
            "AverageValue",
            "87.5",
        )

    def test_cpu_alone_cannot_wake_a_service_up(self):
        output = keda(policy(resource("cpu", 80), least=0), HERE, KedaChoice())
        (scaled,) = documents(output.text)
        assert scaled["spec"]["minReplicaCount"] == 1
        assert any("minReplicaCount is 1, not 0" in note for note in output.notes)

    def test_requests_can(self):
        (scaled,) = documents(keda(policy(REQUESTS, least=0), HERE, self.rate).text)
        assert scaled["spec"]["minReplicaCount"] == 0


class TestVpa:
    @pytest.mark.parametrize("mode", ["Initial", "Recreate", "InPlaceOrRecreate"])
    def test_it_is_refused_where_both_would_have_the_memory(self, mode):
        with pytest.raises(BadInputError, match="would fight it"):
            vpa(policy(resource("cpu", 80), resource("memory", 80)), HERE, update_mode=mode)

    @pytest.mark.parametrize("mode", ["Off", "Initial", "Recreate", "InPlaceOrRecreate"])
    def test_the_mode_is_the_one_that_was_asked_for(self, mode):
        _, vertical = documents(vpa(policy(resource("cpu", 80)), HERE, update_mode=mode).text)
        assert (vertical["apiVersion"], vertical["kind"]) == ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler")
        assert vertical["spec"]["updatePolicy"] == {"updateMode": mode}

    def test_the_container_is_the_one_that_was_named(self):
        _, vertical = documents(vpa(policy(), Destination("stack dev", container="app"), update_mode="Off").text)
        assert vertical["spec"]["resourcePolicy"]["containerPolicies"][0]["containerName"] == "app"


@pytest.mark.parametrize("name", ["Orders", "a b", "../../x", "a/b", "a\nkind: Secret", "", "-a", "é"])
@pytest.mark.parametrize(
    "render",
    [
        lambda found: hpa(found, HERE),
        lambda found: kustomize(found, HERE),
        lambda found: helm_values(found, HERE),
        lambda found: keda(found, HERE, KedaChoice()),
        lambda found: vpa(found, HERE, update_mode="Off"),
        lambda found: json_patch(*next(iter(found.services.items())), {"spec": {"maxReplicas": 1}}, HERE),
    ],
    ids=["hpa", "kustomize", "helm-values", "keda", "vpa", "json-patch"],
)
def test_a_name_that_kubernetes_does_not_take_is_refused(render, name):
    with pytest.raises(BadInputError, match="Kubernetes takes lower-case letters") as error:
        render(policy(name=name))
    assert "\n" not in str(error.value).split("\n  →")[0]


class TestYaml:
    def test_what_only_some_readers_take_for_text_is_quoted(self):
        text = to_yaml({"on": "yes", "plain": "orders", "number": "1.5", "memory": "128Mi", "time": "12:30:00", "none": None})
        assert text == '"on": "yes"\nplain: orders\nnumber: "1.5"\nmemory: 128Mi\ntime: "12:30:00"\nnone: null\n'

    def test_nothing_in_a_comment_ends_it(self):
        text = to_yaml({"a": 1}, ["one\nkind: Secret", "two\u2028kind: Secret", "three\x85kind\x07: Secret"])
        assert documents(text) == [{"a": 1}]
        assert text == "# one kind: Secret\n# two kind: Secret\n# three kind: Secret\na: 1\n"

    def test_what_two_places_share_is_written_out(self):
        shared = {"x": [1]}
        assert to_yaml({"a": shared, "b": shared}) == "a:\n  x:\n    - 1\nb:\n  x:\n    - 1\n"

    def test_long_and_strange_text_stays_on_one_line(self):
        query = 'sum(rate(x{a="b", c=~".+"}[1m])) ' * 60 + "\t\n#: end"
        (read,) = documents(to_yaml({"query": query}))
        assert read == {"query": query}
        assert to_yaml({"query": query}).count("\n") == 1
