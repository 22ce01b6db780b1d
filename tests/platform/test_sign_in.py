"""The reference platform asks for a token: at the gateway, and of whoever is in a load."""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest
from pages import commands

PAGE = Path(__file__).parents[2] / "docs/jwt.md"
ASKS = ("/api/v1/orders", "/api/v2/orders", "/api/v1/dashboard/overview")


@pytest.fixture
def gateway(project):
    project.scaleproof("up")
    return project.status()["gateway_url"]


@pytest.fixture
def aged(project):
    """Tokens that users of a load are given end from a minute after on."""
    platform = project.folder / "platform.yaml"
    before = platform.read_text()
    platform.write_text(before.replace('--staff, "{users}"]', '--staff, "{users}", --aged-seconds, "540"]'))
    assert platform.read_text() != before


@pytest.mark.timeout(180)
def test_somebody_registers_signs_in_and_asks(project, gateway):
    """As docs/jwt.md shows it."""
    assert {name: service["ready"] for name, service in project.status()["services"].items()} == {
        "identity": 1,
        "orders": 1,
        "dashboard": 1,
    }
    assert [httpx.get(gateway + path, trust_env=False).status_code for path in ASKS] == [401, 401, 401]
    assert not [key for key in project.folder.glob(".scaleproof/dev/run/secrets/*") if key.stat().st_mode & 0o077]

    asked = [command for command in commands(PAGE) if command.startswith("curl ")]

    def typed(command, **environment):
        there = command.replace("localhost:8080", gateway.removeprefix("http://"))
        done = subprocess.run(
            ["bash", "-c", there], env={**os.environ, **environment}, capture_output=True, text=True, timeout=30, check=True
        )
        return json.loads(done.stdout)

    user = typed(asked[0])
    session = typed(asked[1])
    assert session["user_id"] == user["id"]
    assert typed(asked[2], TOKEN=session["access_token"]) == {"orders": [], "next_before": None}
    forbidden = httpx.get(gateway + ASKS[2], headers={"authorization": f"Bearer {session['access_token']}"}, trust_env=False)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "forbidden")


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("aged", "gateway")
def test_everybody_in_a_load_has_a_session_and_renews_it(project):
    rates = project.folder / "flat.csv"
    rates.write_text("second,rate\n" + "".join(f"{second},10\n" for second in range(90)))
    # The machine may be too busy for a verdict.
    project.scaleproof("load", "--users", "300", "--shape", f"replay:{rates}", "--label", "signed-in", expect=(0, 1, 3))
    requests = project.last_run().requests
    assert requests[~requests["ok"]].groupby(["name", "status", "error"]).size().to_dict() == {}
    refreshed = requests[requests["service"] == "identity"]
    assert set(refreshed["step"]) >= {0}, "some ahead of time"
    assert (refreshed["step"] > 0).any(), "some because theirs was about to end"
    assert set(requests["service"]) == {"identity", "orders", "dashboard"}
    assert "access_token" not in "".join(file.read_text() for file in project.folder.glob(".scaleproof/dev/logs/*.log"))
