"""The HTTP client of a provider, against a real server on loopback: what reaches a stranger, and what does not."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from aiohttp import web
from oidc_world import settings_of
from service_processes import free_port

from services.common.errors.raised import ServiceError
from services.common.http_client import propagation
from services.common.http_client.exchange import Asked
from services.common.http_client.policy import DependencyPolicy, TimeoutPolicy
from services.common.http_client.propagation import Incoming
from services.common.metrics import Metrics
from services.identity.oidc.provider import Provider
from services.identity.oidc.provider_client import create_provider_clients

TRACE = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
TWICE = dataclasses.replace(DependencyPolicy(), timeouts=TimeoutPolicy(read_seconds=0.3))


def test_a_form_is_sent_as_such_once_and_without_what_is_the_platforms_own():
    async def tell() -> None:
        seen: list[tuple[dict[str, str], bytes]] = []

        async def token(request: web.Request) -> web.Response:
            seen.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
            return web.Response(status=503)

        app = web.Application()
        app.router.add_post("/token", token)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        issuer = f"http://127.0.0.1:{port}"
        settings = dataclasses.replace(settings_of("corp", issuer, creates_users=False), policy=TWICE)
        metrics = Metrics()
        client = create_provider_clients([settings], metrics)["corp"]
        await client.open()
        before = propagation._serving.set(Incoming(float("inf"), (TRACE,)))
        try:
            headers = {"content-type": "application/x-www-form-urlencoded", "authorization": "Basic c2hvcDpzZWNyZXQ="}
            with pytest.raises(ServiceError, match="temporarily_unavailable"):
                await client.request(Asked("POST", f"{issuer}/token", body=b"code=1&x=%20", headers=headers))
            [(sent, body)] = seen
            assert body == b"code=1&x=%20"
            assert sent.items() >= headers.items()
            assert not {"traceparent", "x-request-timeout-ms"} & sent.keys()
            labels = {"callee": "oidc-corp", "status": "503"}
            assert metrics.registry.get_sample_value("http_client_requests_total", labels) == 1.0

            provider = Provider(settings, client)
            with pytest.raises(ServiceError, match="oidc_provider_unavailable"):
                await provider.is_answer_of(None)  # no discovery document there
            await runner.cleanup()
            with pytest.raises(ServiceError) as caught:
                await provider.is_answer_of(None)
            assert (caught.value.code, caught.value.retry_after_seconds) == ("oidc_provider_unavailable", 1)
        finally:
            propagation._serving.reset(before)
            await client.close()
            await runner.cleanup()

    asyncio.run(tell())
