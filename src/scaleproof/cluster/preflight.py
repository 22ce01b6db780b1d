"""What a cluster needs before anything is sent to it, as rules: checked in a second, instead of found out after minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from scaleproof.cluster.kube_api import KubeApi, KubeError
from scaleproof.spec.errors import BadInputError, CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.quantity import byte_value, milli_value

Document = dict[str, Any]
METRICS_API: Final = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
GATEWAY_KINDS: Final = ("GatewayClass", "Gateway", "HTTPRoute")


@dataclass(frozen=True)
class Plan:
    """What is about to be sent to a cluster."""

    platform: Platform
    policy: Policy
    namespace: str
    installs_gateway: bool = False
    """The stack installs a gateway's controller, and its CustomResourceDefinitions, itself."""


@dataclass(frozen=True)
class Requirement:
    """A rule. `lacking` says in words what is not there; None where all is well."""

    code: str
    lacking: Callable[[KubeApi, Plan], str | None]
    fix: str
    user_error: bool = False
    """It is the policy or the stack's configuration that does not fit, rather than the cluster."""


def check(api: KubeApi, plan: Plan) -> None:
    """Raises CannotMeasureError, or BadInputError where the policy does not fit, for the first requirement that is not met."""
    for requirement in REQUIREMENTS:
        missing = requirement.lacking(api, plan)
        if missing is not None:
            kind = BadInputError if requirement.user_error else CannotMeasureError
            raise kind(missing, hint=requirement.fix)


def _version(api: KubeApi, _: Plan) -> str | None:
    found = api.get("/version")
    minor = int("".join(filter(str.isdigit, found.get("minor", "0"))) or 0)
    if (found.get("major"), minor) < ("1", OLDEST_MINOR):
        return f"the cluster runs Kubernetes {found.get('gitVersion')}; at least 1.{OLDEST_MINOR} is needed (autoscaling/v2, server-side apply)"
    return None


OLDEST_MINOR: Final = 26


def _metrics_server(api: KubeApi, _: Plan) -> str | None:
    try:
        service = api.find(METRICS_API)
    except KubeError as error:
        if error.status == HTTPStatus.FORBIDDEN:
            return None
        raise
    if service is None:
        return "the cluster has no metrics-server (no APIService v1beta1.metrics.k8s.io): its autoscaler would be blind"
    conditions = {each["type"]: each for each in service.get("status", {}).get("conditions") or []}
    available = conditions.get("Available", {})
    if available.get("status") == "True":
        return None
    return f"the cluster's metrics-server does not answer ({available.get('message') or available.get('reason') or 'not yet available'})"


def _gateway(api: KubeApi, plan: Plan) -> str | None:
    if plan.installs_gateway or not any(service.routes for service in plan.platform.services.values()):
        return None
    found = api.find("/apis/gateway.networking.k8s.io/v1")
    served = {entry["kind"] for entry in (found or {"resources": []})["resources"]}
    missing = [kind for kind in GATEWAY_KINDS if kind not in served]
    if missing:
        return f"the cluster has no Gateway API ({', '.join(missing)} of gateway.networking.k8s.io/v1 are not served)"
    return None


def _quota(api: KubeApi, plan: Plan) -> str | None:
    """Whether every service can reach its maxReplicas. Only quotas without a scope bind every pod."""
    if api.find(f"/api/v1/namespaces/{plan.namespace}") is None:
        return None
    own = _requested_by_services(api, plan)
    needed = _needed(plan)
    for quota in api.items(f"/api/v1/namespaces/{plan.namespace}/resourcequotas"):
        if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
            continue
        hard, used = quota["spec"].get("hard") or {}, (quota.get("status") or {}).get("used") or {}
        for resource, amount in hard.items():
            name = {"cpu": "requests.cpu", "memory": "requests.memory"}.get(resource, resource)
            if name not in needed:
                continue
            others = max(0, _amount(name, used.get(resource, "0")) - own.get(name, 0))
            if others + needed[name] > _amount(name, amount):
                return (
                    f"the ResourceQuota {quota['metadata']['name']} of namespace {plan.namespace} is too small: {resource} {amount}, but "
                    f"all services at maxReplicas need {_words(name, needed[name])}, beside {_words(name, others)} of others"
                )
    return None


def _needed(plan: Plan) -> dict[str, int]:
    needed: dict[str, int] = {}
    for service in plan.policy.services.values():
        count, resources = service.autoscaling.max_replicas, service.resources
        for name, each in (
            ("requests.cpu", resources.requests.cpu_millicores),
            ("requests.memory", resources.requests.memory_bytes),
            ("limits.cpu", resources.limits.cpu_millicores),
            ("limits.memory", resources.limits.memory_bytes),
            ("pods", 1),
        ):
            needed[name] = needed.get(name, 0) + count * each
    return needed


def _requested_by_services(api: KubeApi, plan: Plan) -> dict[str, int]:
    """What pods of the same services use of the quota already."""
    found: dict[str, int] = {}
    selector = f"app.kubernetes.io/name in ({','.join(sorted(plan.platform.services))}),app.kubernetes.io/component=service"
    for pod in api.items(f"/api/v1/namespaces/{plan.namespace}/pods", labels=selector):
        found["pods"] = found.get("pods", 0) + 1
        for container in pod["spec"]["containers"]:
            for kind, resources in (container.get("resources") or {}).items():
                for resource, amount in (resources or {}).items() if kind in {"requests", "limits"} else ():
                    name = f"{kind}.{resource}"
                    found[name] = found.get(name, 0) + _amount(name, amount)
    return found


def _amount(name: str, text: str) -> int:
    return milli_value(text) if name.endswith("cpu") else byte_value(text)


def _words(name: str, amount: int) -> str:
    if name.endswith("cpu"):
        return f"{amount}m"
    return f"{-(-amount // 2**20)}Mi" if name.endswith("memory") else str(amount)


REQUIREMENTS: Final = (
    Requirement("version", _version, "use a newer cluster"),
    Requirement(
        "metrics-server",
        _metrics_server,
        "install it (kubernetes-sigs/metrics-server), or see `kubectl -n kube-system logs deploy/metrics-server`",
    ),
    Requirement(
        "gateway-api",
        _gateway,
        "install the Gateway API's standard channel and Envoy Gateway, or set `scaleproof:kubernetes: {gateway: {controller: install}}`",
    ),
    Requirement("quota", _quota, "raise the quota, or lower maxReplicas or requests in the stack's policy", user_error=True),
)
