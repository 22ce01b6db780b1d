"""The table of `tests/gateway`, asked of the embedded default's gateway: real Envoy, replicas that are processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from gateway.answers import GatewayAnswers, GatewayUnderTest, platform
from gateway.tokens import Issuer

from scaleproof.runtime.envoy import Endpoint, EnvoyGateway

UPSTREAM = Path(__file__).parents[2] / "gateway" / "upstream.py"


class TestEmbeddedGateway(GatewayAnswers):
    more_members = frozenset({"instance", "trace_id"})

    @pytest.fixture(scope="class")
    @classmethod
    def asked(cls, tmp_path_factory, start_for_class, free_port, until):
        folder = tmp_path_factory.mktemp("gateway")
        issuer = Issuer()
        keys = folder / "jwks.json"
        keys.write_text(issuer.jwks())
        ports = {"orders": [free_port(), free_port()], "catalogue": [free_port(), free_port()], "issuer": [free_port()]}
        for name, taken in ports.items():
            for port in taken:
                start_for_class([sys.executable, str(UPSTREAM), name, str(port), str(keys)])
        spec = platform(f"http://127.0.0.1:{ports['issuer'][0]}/jwks.json")
        gateway = EnvoyGateway(folder / "envoy", spec, free_port(), free_port(), {})
        gateway.prepare()
        gateway.update({name: [Endpoint(port) for port in ports[name]] for name in ("orders", "catalogue")})
        start_for_class(gateway.command())
        until(gateway.is_ready)
        under_test = GatewayUnderTest(gateway.url, issuer)
        until(under_test.is_ready)
        return under_test
