"""Who may talk to whom: nothing by default, then one policy a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.components.manifest import NAMESPACE_LABEL, PART_OF_LABEL, Manifest, manifest

Peer = dict[str, Any]
DNS_PORTS: Final = ({"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53})


@dataclass(frozen=True)
class Flow:
    """Peers and the ports they use; no peers means any."""

    peers: Sequence[Peer]
    ports: Sequence[int]


def namespace_peer(namespace: str, labels: Mapping[str, str] | None = None) -> Peer:
    """Pods of another namespace, all of them or those with the labels."""
    peer: Peer = {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}}}
    if labels:
        peer["podSelector"] = {"matchLabels": dict(labels)}
    return peer


def pod_peer(labels: Mapping[str, str]) -> Peer:
    """Pods of the same namespace."""
    return {"podSelector": {"matchLabels": dict(labels)}}


def deny_by_default(namespace: str, part_of: str) -> Manifest:
    """For every pod of the namespace: nothing comes in, nothing goes out, unless another policy allows it."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", "default-deny", namespace, {PART_OF_LABEL: part_of}, spec=spec)


def network_policy(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    *,
    pods: Mapping[str, str],
    ingress: Sequence[Flow],
    egress: Sequence[Flow],
) -> Manifest:
    """What pods with the labels `pods` may take and send; names are looked up anywhere, as the resolver's address differs by cluster."""
    spec = {
        "podSelector": {"matchLabels": dict(pods)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [_rule("from", flow) for flow in ingress],
        "egress": [{"ports": [dict(port) for port in DNS_PORTS]}, *(_rule("to", flow) for flow in egress)],
    }
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, namespace, labels, spec=spec)


def _rule(direction: str, flow: Flow) -> dict[str, Any]:
    rule: dict[str, Any] = {"ports": [{"protocol": "TCP", "port": port} for port in flow.ports]}
    if flow.peers:
        rule[direction] = [dict(peer) for peer in flow.peers]
    return rule
