"""A real Redis: password, limits, loopback, coming back after kill -9."""

import socket
import stat

import pytest
import redis as client

from scaleproof.runtime import redis
from scaleproof.runtime.redis import RedisServer
from scaleproof.spec import platform as spec
from scaleproof.spec.errors import CannotMeasureError


@pytest.fixture
def server(tmp_path, free_port):
    server = RedisServer(tmp_path / 'with "quotes" and spaces', free_port(), spec.Redis(memory="3Mi"))
    server.prepare()
    return server


def test_a_cache_with_a_password_and_a_memory_limit(server, start, until, bound_addresses):
    assert not server.is_ready()
    process = start(server.command())
    until(server.is_ready)
    with client.Redis.from_url(server.url) as connection:
        settings = connection.config_get("*")
        assert settings["maxmemory"] == str(3 * 2**20)
        assert settings["maxmemory-policy"] == "allkeys-lru"
        assert settings["save"] == ""
        assert settings["appendonly"] == "no"
        for number in range(5_000):
            connection.set(f"key-{number}", "x" * 1000)  # 5 MB: the oldest give way, nothing fails
        assert connection.get("key-4999") is not None
        assert 0 < connection.dbsize() < 5_000
    assert bound_addresses(process) == {("127.0.0.1", server.port)}


def test_a_state_server_refuses_rather_than_forgets(tmp_path, free_port, start, until):
    server = RedisServer(tmp_path / "redis-state", free_port(), spec.StateRedis(memory="3Mi"))
    server.prepare()
    start(server.command())
    until(server.is_ready)
    with client.Redis.from_url(server.url) as connection:
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with pytest.raises(client.exceptions.ResponseError, match="maxmemory"):
            for number in range(5_000):
                connection.set(f"key-{number}", "x" * 1000)
        assert connection.get("key-0") is not None


def test_nobody_gets_in_without_the_password(server, start, until):
    start(server.command())
    until(server.is_ready)
    refused = (client.exceptions.ResponseError, client.exceptions.AuthenticationError)
    for url in (f"redis://127.0.0.1:{server.port}", f"redis://:wrong@127.0.0.1:{server.port}"):
        with client.Redis.from_url(url) as connection, pytest.raises(refused):
            connection.ping()


def test_the_password_is_private_random_and_kept(server, tmp_path, free_port):
    password = server.url.split(":")[2].split("@")[0]
    assert len(password) > 30
    assert password not in " ".join(server.command())
    holders = [path for path in server.directory.iterdir() if password in path.read_text()]
    assert {path.name for path in holders} == {"password", "redis.conf"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
    again = RedisServer(server.directory, server.port, spec.Redis())
    again.prepare()
    assert again.url == server.url
    assert RedisServer(tmp_path / "other", free_port(), spec.Redis()).url.split(":")[2] != server.url.split(":")[2]


def test_after_kill_9_it_comes_back_on_the_same_port(server, start, until):
    first = start(server.command())
    until(server.is_ready)
    first.kill()
    first.wait(10)
    assert not server.is_ready()
    start(server.command())
    until(server.is_ready)


def test_something_else_on_the_port_is_not_a_ready_redis(server):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", server.port))
        listener.listen()
        assert not server.is_ready()  # accepts, and says nothing for a second


def test_a_server_on_path_is_preferred(tmp_path, monkeypatch):
    for name in ("valkey-server", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis.find_redis() == (tmp_path / "valkey-server").resolve()
    (tmp_path / "valkey-server").unlink()
    assert redis.find_redis() == (tmp_path / "redis-server").resolve()


def test_without_any_redis_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis, "in_wheel", lambda *_: iter(()))
    with pytest.raises(CannotMeasureError, match="no Redis on this machine") as raised:
        redis.find_redis()
    assert "pip install 'scaleproof[local]'" in raised.value.hint
