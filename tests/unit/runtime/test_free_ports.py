import socket

import pytest

from scaleproof.runtime import free_ports
from scaleproof.runtime.free_ports import FreePorts, check_gateway_port
from scaleproof.spec.errors import BadInputError, CannotMeasureError


def test_ports_are_different_and_below_those_of_outgoing_connections() -> None:
    ports = FreePorts()
    taken = {ports.take() for _ in range(20)}
    assert len(taken) == 20
    assert all(free_ports.LOWEST <= port < 60_000 for port in taken)


def test_a_port_that_was_given_back_may_come_again() -> None:
    ports = FreePorts()
    port = ports.take()
    ports.give_back(port)
    ports.give_back(0)
    assert port not in ports._given


def test_where_every_port_is_taken_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_ports, "is_free", lambda port: False)
    with pytest.raises(CannotMeasureError, match="no free loopback port"):
        FreePorts().take()


def test_a_taken_gateway_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(BadInputError, match=rf"gateway.port: port {port} is taken(.|\n)*scaleproof down"):
            check_gateway_port(port)
    check_gateway_port(port)
    check_gateway_port(0)
