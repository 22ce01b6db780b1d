"""A cluster's services now, as readings (`telemetry.live`): Deployments, autoscalers, pods, and what metrics-server says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from scaleproof.cluster import autoscaler_view, pods
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.observer import SCRAPE_TIMEOUT_SECONDS, Watched
from scaleproof.cluster.suspension import ANNOTATION
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.quantity import milli_value, parse_quantity
from scaleproof.telemetry.live import DecisionReading, ServiceReading

Document = dict[str, Any]
STATS_PATH: Final = "/stats/prometheus?usedonly&filter=" + quote(r"upstream_rq_(time|[1-5]xx)$", safe="")
"""All of a proxy's statistics would be a megabyte each second."""


def service_readings(api: KubeApi, watched: Watched) -> dict[str, ServiceReading]:
    """Every service that has a Deployment. Raises CannotMeasureError where the cluster does not answer."""
    space = watched.namespace
    deployments = {each["metadata"]["name"]: each for each in api.items(f"/apis/apps/v1/namespaces/{space}/deployments")}
    autoscalers = {
        each["spec"]["scaleTargetRef"]["name"]: each
        for each in api.items(f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers")
    }
    views = [pods.view(pod) for pod in api.items(f"/api/v1/namespaces/{space}/pods", labels=pods.COMPONENT, cached=True)]
    cores = _cores(api, space)
    return {
        name: _service(deployments[name], autoscalers.get(name), [seen for seen in views if seen.service == name], cores)
        for name in watched.ports
        if name in deployments
    }


def gateway_texts(api: KubeApi, watched: Watched) -> Iterator[str]:
    """What each of the gateway's proxies counts of its answers; one that is busy or gone is left out."""
    if not watched.gateway_labels:
        return
    collection = f"/api/v1/namespaces/{watched.gateway_namespace}/pods"
    for pod in api.items(collection, labels=watched.gateway_labels, cached=True):
        try:
            yield api.text(
                f"{collection}/{pod['metadata']['name']}:{watched.gateway_port}/proxy{STATS_PATH}",
                timeout_seconds=SCRAPE_TIMEOUT_SECONDS,
            )
        except CannotMeasureError:
            continue


def _service(
    deployment: Document, autoscaler: Document | None, every: list[pods.PodView], cores: dict[str, float]
) -> ServiceReading:
    mine = [seen for seen in every if not seen.finished]
    spec = (autoscaler or {}).get("spec", {})
    used = [cores[seen.name] for seen in mine if seen.name in cores]
    return ServiceReading(
        ready=sum(seen.ready and seen.deleted_at is None for seen in mine),
        desired=int(deployment["spec"].get("replicas", 0)),
        minimum=int(spec.get("minReplicas", 1)) if spec else 0,
        maximum=int(spec.get("maxReplicas", 0)),
        held=ANNOTATION in (deployment["metadata"].get("annotations") or {}),
        states=dict(Counter(seen.state(was_ready=False) for seen in mine)),
        request_millicores=_request_millicores(deployment),
        cpu_cores=sum(used) if used else None,
        decision=None if autoscaler is None else _decision(autoscaler),
    )


def _request_millicores(deployment: Document) -> int:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return sum(milli_value(((each.get("resources") or {}).get("requests") or {}).get("cpu", "0")) for each in containers)


def _decision(autoscaler: Document) -> DecisionReading | None:
    seen = autoscaler_view.view(autoscaler)
    if seen is None:
        return None
    last = (autoscaler.get("status") or {}).get("lastScaleTime")
    changes = seen.current_replicas != seen.desired_replicas
    return DecisionReading(
        # A status has no time of its own: only the last change of the count has one.
        time=pods.seconds(last) if last and changes else None,
        current=seen.current_replicas,
        desired=seen.desired_replicas,
        reason=seen.reason,
        message=seen.message,
        utilization=seen.utilization,
        target=seen.target,
    )


def _cores(api: KubeApi, space: str) -> dict[str, float]:
    """Pod → cores, as metrics-server has them; nothing where it does not answer."""
    try:
        found = api.get(f"/apis/metrics.k8s.io/v1beta1/namespaces/{space}/pods")
    except CannotMeasureError:
        return {}
    return {
        entry["metadata"]["name"]: sum(float(parse_quantity(each["usage"]["cpu"])) for each in entry["containers"])
        for entry in found.get("items") or []
    }
