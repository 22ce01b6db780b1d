"""The table of `tests/gateway`, asked of the embedded default's gateway: real Envoy, replicas that are processes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from gateway.answers import GatewayAnswers, GatewayUnderTest, Question, platform
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

    # Only here: documents of Envoy Gateway have no trace id.
    @pytest.mark.parametrize(("traceparent", "taken", "gloss"), [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True, "the client's own"),
        ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", False, "too short"),
        ('x","code":"mine', False, "something else"),
    ])  # fmt: skip
    def test_the_trace_of_the_client_is_the_documents(self, asked, traceparent, taken, gloss):
        found = [
            asked.ask(Question("", "/nowhere", 404, headers={"traceparent": traceparent})).json()["trace_id"] for _ in range(2)
        ]
        assert all(re.fullmatch("[0-9a-f]{32}", trace_id) for trace_id in found), gloss
        assert (found == ["0af7651916cd43dd8448eb211c80319c"] * 2) is taken, gloss
        assert (found[0] == found[1]) is taken, "else each request has its own"
