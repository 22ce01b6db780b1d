"""What is asked of a Prometheus: PromQL as data, so that a cluster with other names needs other data and no code."""

from __future__ import annotations

from string import Template
from typing import Annotated

from pydantic import Field, field_validator

from scaleproof.spec.model import SpecModel

_PODS = 'namespace=~"$namespace",pod=~"$service-[a-z0-9]+-[a-z0-9]+|$service-[0-9]+"'
_CONTAINERS = _PODS + ',container!="",container!="POD"'
_HPA = 'namespace=~"$namespace",horizontalpodautoscaler="$service"'


class PrometheusQueries(SpecModel):
    """One PromQL expression a value; `$service` and `$namespace` are filled in, `$$` is a dollar sign.

    The defaults are the names of cAdvisor, kube-state-metrics and Envoy. A result's labels that are read: `pod` of the
    replicas, `le` of the gateway; an expression aggregates everything else away.
    """

    namespace: str = Field(default=".*", description="Regular expression of the namespaces.")
    cpu_cores: str = f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{_CONTAINERS}}}[1m]))"
    throttled_share: str = (
        f"sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{{{_CONTAINERS}}}[1m]))"
        f" / sum by (pod) (rate(container_cpu_cfs_periods_total{{{_CONTAINERS}}}[1m]))"
    )
    memory_bytes: str = f"sum by (pod) (container_memory_working_set_bytes{{{_CONTAINERS}}})"
    exists: str = Field(
        default=f'max by (pod) (kube_pod_status_phase{{{_PODS},phase=~"Pending|Running"}} == 1)',
        description="A sample for every pod from its creation to its end.",
    )
    ready: str = Field(
        default=f'max by (pod) (kube_pod_status_ready{{{_PODS},condition="true"}})', description="1 while a pod is ready."
    )
    draining: str = Field(
        default=f"max by (pod) (kube_pod_deletion_timestamp{{{_PODS}}})", description="A sample while a pod terminates."
    )
    failed: str = Field(
        default=f'max by (pod) (kube_pod_container_status_waiting_reason{{{_PODS},reason="CrashLoopBackOff"}} == 1)',
        description="A sample while a pod's container waits to be restarted.",
    )
    gateway_buckets: str = Field(
        default='sum by (le) (envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=~"(.*[/_])?$service([/_].*)?"})',
        description="Cumulative histogram of the service's requests.",
    )
    gateway_unit_seconds: Annotated[float, Field(gt=0, description="Seconds in one unit of `le`; Envoy counts ms.")] = 0.001
    current_replicas: str = f"max(kube_horizontalpodautoscaler_status_current_replicas{{{_HPA}}})"
    desired_replicas: str = f"max(kube_horizontalpodautoscaler_status_desired_replicas{{{_HPA}}})"
    utilization: str = (
        f'max(kube_horizontalpodautoscaler_status_target_metric{{{_HPA},metric_name="cpu",metric_target_type="utilization"}})'
    )
    target: str = (
        f'max(kube_horizontalpodautoscaler_spec_target_metric{{{_HPA},metric_name="cpu",metric_target_type="utilization"}})'
    )

    @field_validator("*")
    @classmethod
    def _placeholders_are_known(cls, value: object) -> object:
        if isinstance(value, str):
            template = Template(value)
            if not template.is_valid() or not set(template.get_identifiers()) <= {"service", "namespace"}:
                msg = "may contain $service, $namespace and $$ (a dollar sign), and no other $"
                raise ValueError(msg)
        return value

    def render(self, name: str, service: str) -> str:
        """The expression of that name for one service."""
        return Template(getattr(self, name)).substitute(service=service, namespace=self.namespace)
