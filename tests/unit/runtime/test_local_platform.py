"""Real processes: guardian, supervisor, Envoy, tiny services."""

from __future__ import annotations

import base64
import os
import random
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway.tokens import AUDIENCE, ISSUER, Issuer

from fakes.tiny_platform import PYTHON, Silent, SteadyLoad, alive, eventually, get, tiny_platform, tiny_policy
from scaleproof.runtime import local_platform
from scaleproof.runtime.guardian import descendants_of
from scaleproof.runtime.local_platform import LocalPlatform, connect, down, logs, status, up
from scaleproof.runtime.processes import carrying
from scaleproof.runtime.state_folder import MARKER, StateFolder
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ScaleproofError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.tuner.ports import ServiceState


@pytest.fixture(autouse=True)
def paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that works everywhere."""
    monkeypatch.setenv("SCALEPROOF_CPU_LIMIT", "pause")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder whose platforms are taken down in the end."""
    yield tmp_path
    for folder in tmp_path.glob(".scaleproof/*/"):
        down(folder)


def start(
    project: Path, platform: Platform | None = None, policy: Policy | None = None, stack: str = "dev", **options: Any
) -> LocalPlatform:
    platform = platform or tiny_platform()
    arguments = {"owner_pid": None, "progress": Silent(), **options}
    return up(project / "platform.yaml", platform, policy or tiny_policy(platform), stack, **arguments)


def processes_of(project: Path, stack: str = "dev") -> list[int]:
    """The guardian and everything below it."""
    orders = StateFolder.of(project, stack).read("orders.json")
    marked = carrying(f"{MARKER}={orders['token']}")
    return sorted({*marked, *(child for pid in marked for child in descendants_of(pid))})


def daemon_of(platform: LocalPlatform) -> int:
    pid: int = platform.status()["pid"]
    return pid


def component(platform: LocalPlatform, name: str) -> dict[str, Any]:
    return next(found for found in platform.status()["components"] if found["name"] == name)


def events(platform: LocalPlatform, kind: str) -> list[tuple[str, str]]:
    """Component and message of that kind so far."""
    found = platform.observe(0, time.time()).tables["events"]
    found = found[found["kind"] == kind]
    return list(zip(found["component"], found["message"], strict=True))


def test_up_serves_scales_without_a_failed_request_and_down_leaves_nothing(project: Path) -> None:
    platform = start(project, tiny_platform(environment={"GRANDCHILD": "60"}))
    began = time.time()
    pids = processes_of(project)
    assert len(pids) >= 6  # guardian, supervisor, Envoy, autoscaler, pauser, replica, its grandchild
    assert get(platform.gateway_url, "/alpha") == ("200", "alpha-1")
    with SteadyLoad(platform.gateway_url, "/alpha") as load:
        platform.hold({"alpha": 3})
        assert platform.states()["alpha"].ready == 3
        time.sleep(0.5)
        platform.hold({"alpha": 1})
        assert platform.states()["alpha"].total == 1
    assert set(load.outcomes) == {"200"}
    assert load.outcomes["200"] > 100
    tables = platform.observe(began, time.time()).tables
    assert set(tables["replicas"]["state"]) >= {"ready", "draining"}
    assert set(tables["replicas"]["replica"]) == {"alpha-1", "alpha-2", "alpha-3"}
    assert tables["host"]["cpu_share"].between(0, 1).all()
    assert list(tables["events"]["kind"]).count("stopped") == 2
    assert platform.stamp().limits == {"alpha": "300m/64Mi by pause"}
    assert down(StateFolder.of(project, "dev").root) is True
    assert not any(map(alive, pids))
    assert not StateFolder.of(project, "dev").run.exists()
    assert down(StateFolder.of(project, "dev").root) is False
    assert "ready" in logs(StateFolder.of(project, "dev").root, "alpha", 100)["alpha-1"]
    assert status(StateFolder.of(project, "dev").root) is None


def with_keys(keys: str, **overrides: object) -> Platform:
    """Its gateway verifies tokens with what alpha says are the keys."""
    plain = tiny_platform(environment={"KEYS": keys}, **overrides)
    jwt = {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_service": "alpha", "jwks_path": "/keys"}
    return Platform.model_validate({**plain.model_dump(by_alias=True), "gateway": {"port": 0, "jwt": jwt}})


def test_up_waits_for_the_keys_that_a_service_of_the_platform_has(project: Path) -> None:
    issuer = Issuer()
    url = start(project, with_keys(issuer.jwks())).gateway_url
    signed_in = {"authorization": f"Bearer {issuer.token('somebody')}"}
    assert httpx.get(f"{url}/alpha", headers=signed_in, trust_env=False).status_code == 200
    assert httpx.get(f"{url}/alpha", trust_env=False).status_code == 401


def test_a_key_service_without_keys_is_said_at_once(project: Path) -> None:
    with pytest.raises(CannotMeasureError, match="the gateway got no keys of alpha within 4 s") as caught:
        start(project, with_keys("no key set", start_timeout_seconds=4))
    assert "does alpha answer /keys with a key set?" in (caught.value.hint or "")


def test_what_crashes_comes_back(project: Path) -> None:
    platform = start(project)
    victims = {
        "alpha": platform.status()["services"]["alpha"]["replicas"][0]["pid"],
        "envoy": component(platform, "envoy")["pid"],
        "autoscaler": component(platform, "autoscaler")["pid"],
    }
    for pid in victims.values():
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: len(events(platform, "restarted")) == 3)
    assert eventually(lambda: get(platform.gateway_url, "/alpha") == ("200", "alpha-1"))
    assert eventually(lambda: component(platform, "autoscaler")["ready"])
    assert {name for name, message in events(platform, "crashed") if message == "killed by SIGKILL"} == set(victims)
    assert platform.status()["services"]["alpha"]["replicas"][0]["restarts"] == 1


def test_datastores_are_there_for_setup_and_come_back_after_a_crash(project: Path) -> None:
    check = (
        "import os; print(sorted(n for n in os.environ if n.endswith('_URL') and '127.0.0.1' in os.environ[n]), "
        "os.environ.get('DATABASE_URL', 'postgresql://-:').split('/')[2].split(':')[0])"
    )
    services = tiny_platform(("alpha", "beta"), setup=["{python}", "-c", check])
    alpha = services.services["alpha"].model_copy(update={"postgres_connections": 0})
    beta = services.services["beta"].model_copy(update={"calls": ["alpha"]})
    platform = Platform.model_validate(
        {
            **services.model_dump(mode="json", by_alias=True, exclude_none=True),
            "services": {
                name: service.model_dump(mode="json", by_alias=True, exclude_none=True)
                for name, service in {"alpha": alpha, "beta": beta}.items()
            },
            "redis": {},
            "state_redis": {"memory": "8Mi"},
            "postgres": {"shared_buffers": "16Mi"},
        }
    )
    running = start(project, platform, tiny_policy(platform, most=2))
    pids = processes_of(project)
    folder = StateFolder.of(project, "dev")
    said = {name: logs(folder.root, name, 1)[name] for name in ("alpha-setup", "beta-setup")}
    assert said == {
        "alpha-setup": ["['ALPHA_URL', 'CACHE_REDIS_URL', 'REDIS_URL', 'SCALEPROOF_METRICS_URL'] -"],
        "beta-setup": ["['ALPHA_URL', 'CACHE_REDIS_URL', 'DATABASE_URL', 'REDIS_URL', 'SCALEPROOF_METRICS_URL'] beta"],
    }
    [password] = folder.secrets.iterdir()
    assert (password.name, stat.S_IMODE(password.stat().st_mode)) == ("beta.database-password", 0o600)
    superusers = (folder.run / "postgres" / "password").read_bytes().strip()
    for pid in pids:
        if alive(pid):
            assert password.read_bytes().strip() not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert superusers not in Path(f"/proc/{pid}/environ").read_bytes()
    victims = ("redis", "redis-state", "postgres")
    for name in victims:
        os.kill(component(running, name)["pid"], signal.SIGKILL)
    assert eventually(lambda: all(component(running, name)["restarts"] for name in victims), 20)
    assert eventually(lambda: all(component(running, name)["ready"] for name in victims), 20)
    pids += processes_of(project)
    os.kill(daemon_of(running), signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, pids)))


READ_SECRET = "import os, sys; print(open(os.environ['KEY_SEAL_FILE']).read().strip(), *sys.argv[1:])"


def test_secrets_are_drawn_for_one_service_and_a_load_is_prepared_in_its_surroundings(project: Path, tmp_path: Path) -> None:
    both = tiny_platform(("alpha", "beta")).model_dump(mode="json", by_alias=True, exclude_none=True)
    both["services"]["alpha"] |= {"secrets": ["KEY_SEAL"], "setup": ["{python}", "-c", READ_SECRET]}
    both["services"]["beta"] |= {"setup": ["{python}", "-c", "import os; print('KEY_SEAL_FILE' in os.environ)"]}
    both["load"]["prepare"] = {"service": "alpha", "command": ["{python}", "-c", READ_SECRET, "{users}"]}
    platform = Platform.model_validate(both)
    running = start(project, platform, tiny_policy(platform, most=1))
    folder = StateFolder.of(project, "dev")
    [file] = folder.secrets.iterdir()
    key = file.read_text().strip()
    assert len(base64.b64decode(key, validate=True)) == 32
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(folder.secrets.stat().st_mode)) == (0o600, 0o700)
    assert logs(folder.root, "alpha-setup", 1)["alpha-setup"] == [key]
    assert logs(folder.root, "beta-setup", 1)["beta-setup"] == ["False"]
    assert all(key.encode() not in Path(f"/proc/{pid}/environ").read_bytes() for pid in processes_of(project) if alive(pid))

    output = tmp_path / "given"
    running.prepare(250, output)
    assert (output.read_text(), stat.S_IMODE(output.stat().st_mode)) == (f"{key} 250\n", 0o600)
    assert key not in str(logs(folder.root, "load-prepare", 20)), "what is printed is not logged"
    with pytest.raises(ScaleproofError):
        running.prepare(250, output)  # never over something that is there
    down(folder.root)
    assert not folder.secrets.exists()


def test_a_preparation_that_fails_says_why(project: Path, tmp_path: Path) -> None:
    document = tiny_platform().model_dump(mode="json", by_alias=True, exclude_none=True)
    program = "import sys; print('token'); sys.exit('no key signs')"
    document["load"]["prepare"] = {"service": "alpha", "command": ["{python}", "-c", program]}
    platform = Platform.model_validate(document)
    running = start(project, platform, tiny_policy(platform, most=1))
    with pytest.raises(CannotMeasureError, match=r"(?s)load-prepare: .* ended with exit code 1:\nno key signs") as caught:
        running.prepare(1, tmp_path / "given")
    assert "see `scaleproof logs load-prepare`" in str(caught.value.hint)


def test_above_its_memory_limit_a_replica_is_killed_and_started_again(project: Path) -> None:
    platform = start(project)
    get(platform.gateway_url, "/alpha/hoard?mb=100")
    assert eventually(lambda: len(events(platform, "oom_killed")) == 1)
    assert "above the limit of 64 MiB" in events(platform, "oom_killed")[0][1]
    assert eventually(lambda: get(platform.gateway_url, "/alpha") == ("200", "alpha-1"))


def test_new_limits_replace_replicas_without_a_failed_request(project: Path) -> None:
    platform = start(project)
    with SteadyLoad(platform.gateway_url, "/alpha", users=2) as load:
        platform.apply(tiny_policy(platform.platform, cpu="400m", most=3))
    assert set(load.outcomes) == {"200"}
    assert get(platform.gateway_url, "/alpha") == ("200", "alpha-2")
    assert platform.stamp().limits == {"alpha": "400m/64Mi by pause"}
    assert events(platform, "policy_applied") == [("autoscaler", "")]
    with pytest.raises(BadInputError, match="does not fit this machine"):
        platform.apply(tiny_policy(platform.platform, cpu="900", most=900))
    with pytest.raises(BadInputError, match="the platform runs alpha"):
        platform.apply(tiny_policy(tiny_platform(("beta",))))
    with pytest.raises(BadInputError, match="expected services of this platform"):
        platform.hold({"beta": 1})
    assert platform.policy == tiny_policy(platform.platform, cpu="400m", most=3)


def quick_seed() -> int:
    """Of phases that scrape a replica when it is 11 s old, and sync soon after."""
    for seed in range(10_000):
        scrape = random.Random(seed).uniform(0, 15)
        if 11 < scrape < 12 and 12 < random.Random(f"{seed}:0:alpha").uniform(0, 15) < 13:
            return seed
    raise AssertionError


def test_the_autoscaler_scales_up_under_load_and_forgets_on_release(project: Path) -> None:
    platform = start(project, policy=tiny_policy(tiny_platform(), cpu="100m", target=30, most=3), seed=quick_seed())
    with SteadyLoad(platform.gateway_url, "/alpha/work?ms=5", users=2):
        assert eventually(lambda: platform.states()["alpha"].desired > 1, seconds=75)
    decisions = platform.observe(0, time.time()).tables["decisions"]
    assert decisions.iloc[-1]["desired_replicas"] > decisions.iloc[-1]["current_replicas"] == 1
    assert decisions.iloc[-1]["utilization"] > 30
    platform.hold({"alpha": 1})
    platform.release()
    platform.settle(30)
    assert platform.states()["alpha"] == ServiceState(desired=1, ready=1, total=1)
    assert status(StateFolder.of(project, "dev").root)["decisions"]["alpha"]["desired"] > 1


def test_two_platforms_run_side_by_side(project: Path) -> None:
    first, second = start(project, stack="one"), start(project, stack="two")
    assert first.gateway_url != second.gateway_url
    down(StateFolder.of(project, "one").root)
    assert get(second.gateway_url, "/alpha") == ("200", "alpha-1")
    assert connect(StateFolder.of(project, "two").root).stack == "two"
    with pytest.raises(CannotMeasureError, match="scaleproof up"):
        connect(StateFolder.of(project, "one").root)
    with pytest.raises(BadInputError, match="runs already"):
        start(project, stack="two")


def test_when_the_supervisor_is_killed_nothing_stays_and_up_works_again(project: Path) -> None:
    platform = start(project, tiny_platform(environment={"GRANDCHILD": "60"}))
    pids = processes_of(project)
    os.kill(daemon_of(platform), signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, pids)))
    with pytest.raises(CannotMeasureError, match="no platform answers"):
        platform.states()
    again = start(project)
    assert get(again.gateway_url, "/alpha") == ("200", "alpha-1")


def test_when_the_guardian_is_killed_the_supervisor_stops_in_order(project: Path) -> None:
    platform = start(project)
    pids = processes_of(project)
    guardian = next(pid for pid in pids if daemon_of(platform) in descendants_of(pid))
    os.kill(guardian, signal.SIGKILL)
    assert eventually(lambda: not any(map(alive, pids)))


def test_it_ends_with_its_owner(project: Path) -> None:
    owner = subprocess.Popen(["sleep", "60"])
    start(project, owner_pid=owner.pid)
    pids = processes_of(project)
    owner.kill()
    owner.wait()
    assert eventually(lambda: not any(map(alive, pids)))


def test_a_platform_that_does_not_answer_any_more_is_taken_down(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = start(project)
    pids = processes_of(project)
    monkeypatch.setattr(local_platform, "STOP_SECONDS", 1.0)
    os.kill(daemon_of(platform), signal.SIGSTOP)
    assert down(StateFolder.of(project, "dev").root) is True
    assert not any(map(alive, pids))


def test_interrupted_while_starting_it_leaves_nothing(project: Path) -> None:
    class Interrupted(Silent):
        def advance(self, elapsed_seconds: float, note: str = "") -> None:
            if elapsed_seconds > 1:
                raise KeyboardInterrupt

    slow = tiny_platform(command=["sleep", "60"])
    with pytest.raises(KeyboardInterrupt):
        start(project, slow, progress=Interrupted())
    folder = StateFolder.of(project, "dev")
    assert not folder.is_running
    assert not folder.run.exists()


def test_a_starter_that_is_killed_takes_the_unfinished_platform_with_it(project: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from fakes.tiny_platform import Silent, tiny_platform, tiny_policy\n"
        "from scaleproof.runtime.local_platform import up\n"
        "slow = tiny_platform(command=['sleep', '60'])\n"
        "up(Path(sys.argv[1]) / 'platform.yaml', slow, tiny_policy(slow), 'dev', owner_pid=None, progress=Silent())"
    )
    tests = Path(__file__).parents[2]
    starter = subprocess.Popen([PYTHON, "-c", program, str(project)], env={**os.environ, "PYTHONPATH": str(tests)})
    folder = StateFolder.of(project, "dev")
    assert eventually((folder.control / "socket").exists)
    pids = processes_of(project)
    starter.kill()
    starter.wait()
    assert eventually(lambda: not any(map(alive, [pid for pid in pids if pid != starter.pid])))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"command": ["{python}", "-c", "import sys; sys.exit('no such table')"]},
            r"alpha-1 crashes \(exit code 1\)(.|\n)*no such table",
        ),
        ({"command": ["sleep", "60"], "start_timeout_seconds": 1}, "alpha-1 is not ready within 1 s"),
        ({"setup": ["{python}", "-c", "import sys; sys.exit('cannot migrate')"]}, r"alpha-setup: (.|\n)*cannot migrate"),
    ],
)
def test_what_does_not_start_is_named_with_its_last_words(project: Path, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(CannotMeasureError, match=message):
        start(project, tiny_platform(**overrides))
    assert not StateFolder.of(project, "dev").run.exists()


def test_a_taken_port_is_told_before_anything_starts(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        platform = tiny_platform()
        port = server.getsockname()[1]
        taken = platform.model_copy(update={"gateway": platform.gateway.model_copy(update={"port": port})})
        with pytest.raises(BadInputError, match=f"port {port} is taken"):
            start(project, taken)
    assert not (project / ".scaleproof").exists()


def test_a_policy_larger_than_the_machine_is_told_before_anything_starts(project: Path) -> None:
    platform = tiny_platform()
    with pytest.raises(BadInputError, match="does not fit this machine"):
        start(project, platform, tiny_policy(platform, cpu="64", most=64))
    assert not (project / ".scaleproof").exists()


def test_a_service_after_which_no_role_can_be_named_is_told_before_anything_starts(project: Path) -> None:
    document = tiny_platform(("public",)).model_dump(mode="json", by_alias=True, exclude_none=True)
    platform = Platform.model_validate({**document, "postgres": {}})
    with pytest.raises(BadInputError, match=r"services.public: no role of PostgreSQL can have this name"):
        start(project, platform, tiny_policy(platform))
    assert not (project / ".scaleproof").exists()


def test_a_service_without_a_command_is_refused(project: Path) -> None:
    with pytest.raises(BadInputError, match=r"services.alpha.command: missing"):
        start(project, tiny_platform(command=None, image="x"))


def test_an_unknown_cpu_limit_is_refused_by_the_supervisor(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEPROOF_CPU_LIMIT", "docker")
    with pytest.raises(BadInputError, match="expected cgroup or pause"):
        start(project)


def test_logs_of_what_does_not_exist_name_what_does(project: Path) -> None:
    folder = StateFolder.of(project, "dev")
    with pytest.raises(BadInputError, match="scaleproof up"):
        logs(folder.root)
    folder.make()
    (folder.logs / "orders-1.log").write_text("a\nb\n")
    (folder.logs / "orders-setup.log").write_text("c\n")
    assert logs(folder.root, "orders", 1) == {"orders-1": ["b"], "orders-setup": ["c"]}
    with pytest.raises(BadInputError, match=r"no logs of 'beta'(.|\n)*orders-1"):
        logs(folder.root, "beta")


def test_services_can_read_what_the_platform_saw(project: Path) -> None:
    tell = "import os; print(os.environ['SCALEPROOF_METRICS_URL'])"
    platform = start(project, tiny_platform(setup=["{python}", "-c", tell]))
    [url] = logs(StateFolder.of(project, "dev").root, "alpha-setup", 1)["alpha-setup"]
    assert url == platform.status()["metrics_url"]

    def history() -> dict[str, Any]:
        return httpx.get(f"{url}/v1/history?minutes=5", trust_env=False).json()["services"].get("alpha", {})

    def asked_for(name: str) -> list[float]:
        return [value for value in history().get(name, []) if value is not None]

    with SteadyLoad(platform.gateway_url, "/alpha"):
        assert eventually(lambda: any(asked_for("requests_per_second")), seconds=40)
    assert asked_for("replicas")[-1] == asked_for("desired")[-1] == 1
    assert asked_for("error_share")[-1] == 0
    assert 0 < asked_for("p95_ms")[-1] < 1000
    down(StateFolder.of(project, "dev").root)
    with pytest.raises(httpx.ConnectError):
        history()
