"""The HTTP clients of the providers. Imports aiohttp, a tenth of a CPU-second: only a replica that has providers imports this file."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.http_client.call_metrics import CallMetrics
from services.common.http_client.client import ServiceClient
from services.common.http_client.transport import HttpTransport
from services.common.metrics import Metrics
from services.identity.oidc.provider_settings import ProviderSettings


def create_provider_clients(providers: Sequence[ProviderSettings], metrics: Metrics) -> dict[str, ServiceClient]:
    """One a provider, by name; to be opened in the running loop."""
    families = CallMetrics(metrics.registry)
    return {
        provider.name: ServiceClient(
            f"OpenID provider {provider.name}",
            # Its endpoints may be anywhere: each is asked for by its whole address.
            HttpTransport("", provider.policy),
            policy=provider.policy,
            metrics=families.of(f"oidc-{provider.name}"),
            propagates=False,
        )
        for provider in providers
    }
