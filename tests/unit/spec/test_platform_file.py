"""A wrong platform.yaml names file, line, field and what was expected."""

from pathlib import Path

import pytest

from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.spec.platform_file import check_policy_fits, read_platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile

PROJECT = Path(__file__).parent / "data"
GOOD = (PROJECT / "platform.yaml").read_text()


def write(tmp_path, text):
    file = tmp_path / "platform.yaml"
    file.write_text(text)
    return file


def test_the_reference_platform_reads():
    platform = read_platform(PROJECT / "platform.yaml")
    assert platform.service_of("/api/v1/orders/7") == "orders"
    assert platform.service_of("/api/v1/orders?status=paid") == "orders"
    assert platform.service_of("/api/v1/ordersmore") is None
    assert platform.services["orders"].slo.budget == pytest.approx(0.05)
    assert platform.load.mean_think_seconds == 30


@pytest.mark.parametrize(
    ("was", "becomes", "line", "message"),
    [
        ("share: 0.95}", "share: 2}", 16, "services.orders.slo.share: expected less than 1, found 2"),
        ("readiness: /readyz", "readines: /readyz", 10, "services.orders.readines: unknown field; did you mean 'readiness'?"),
        ("    slo: {latency_ms: 300, share: 0.95}\n", "", 7, "services.orders.slo: missing"),
        ("version: 1", "version: 3", 3, "version: version 3 is newer than 1"),
        ("version: 1\n", "", 1, "version: expected the format's version, 1, found nothing"),
        ("version: 1", "version: 0", 3, "version: version 0 is not known"),
        ("version: 1", "version: one", 3, "version: expected the format's version, 1, found 'one'"),
        ("cpu: 150m", "cpu: lots", 14, "services.orders.resources.requests.cpu: 'lots' is not a Kubernetes quantity"),
        ("cpu: 150m", "cpu: 900m", None, "requests.cpu 900m is greater than limits.cpu 150m"),
        ("calls: [orders]", "calls: [payments]", None, "services.dashboard.calls: 'payments' is not another service"),
        ("  orders:\n", "  Orders_1:\n", 7, "services.Orders_1"),
        ("think_seconds: [20, 40]", "think_seconds: [40, 20]", None, "think_seconds [40.0, 20.0]"),
        ("name: reference", "name: [a", 6, "not valid YAML"),
        ("users: 10000", "users: many", 35, "load.users: expected a valid integer"),
        ("calls: [orders]", "secrets: [key-seal]", None, "services.dashboard.secrets[0]: string should match pattern"),
        ("users: 10000", "prepare: {service: pay, command: [x]}", None, "load.prepare.service: 'pay' is not a service"),
        ("redis: {memory: 64Mi}", "state_redis: {}", None, "state_redis: there is no redis beside it"),
        ("users: 10000", "prepare: {service: orders, command: []}", None, "load.prepare.command: list should have at least 1"),
    ],
)
def test_a_fault_is_named(tmp_path, was, becomes, line, message):
    assert was in GOOD
    file = write(tmp_path, GOOD.replace(was, becomes, 1))
    with pytest.raises(BadInputError) as caught:
        read_platform(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    if line is not None:
        assert f"{file}:{line}:" in str(caught.value)
    assert caught.value.exit_code == ExitCode.BAD_INPUT


JWT = "jwt: {issuer: i, audiences: [a], jwks_url: https://x/y"


@pytest.mark.parametrize(
    ("gateway", "message"),
    [
        ("rate_limits: [{requests: 5, per: header}]", "rate_limits[0]: header: needed with `per: header`"),
        ("rate_limits: [{requests: 5, header: x-user-id}]", "rate_limits[0]: header: needed with `per: header`"),
        ("rate_limits: [{requests: 5}, {requests: 9, unit: Minute}]", "two limits count the same"),
        ("rate_limits: [{requests: 0}]", "rate_limits[0].requests: expected greater than 0"),
        ("jwt: {issuer: i, audiences: [], jwks_url: https://x/y}", "jwt.audiences: list should have at least 1"),
        ("jwt: {issuer: i, audiences: [a], jwks_url: jwks}", "jwt.jwks_url: string should match pattern"),
        (JWT + ", public_paths: [/open]}", "gateway.jwt.public_paths: /open: no service has a route for it"),
        (JWT + ", jwks_service: orders}", "jwks_url, jwks_service: expected one of them"),
        ("jwt: {issuer: i, audiences: [a]}", "jwks_url, jwks_service: expected one of them"),
        ("jwt: {issuer: i, audiences: [a], jwks_service: keys}", "gateway.jwt.jwks_service: 'keys' is not a service"),
        (JWT + ", claim_headers: {sub: X_User}}", "jwt.claim_headers.sub: string should match pattern"),
    ],
)
def test_a_fault_of_the_gateway_is_named(tmp_path, gateway, message):
    file = write(tmp_path, GOOD.replace("gateway: {port: 8080,", f"gateway: {{{gateway},", 1))
    with pytest.raises(BadInputError) as caught:
        read_platform(file)
    assert message in str(caught.value)


def test_several_faults_are_listed_and_counted(tmp_path):
    file = write(tmp_path, GOOD.replace("latency_ms", "latency").replace("share", "part").replace("shape", "form"))
    with pytest.raises(BadInputError) as caught:
        read_platform(file)
    assert "… and" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"- a\n- b\n", "expected a mapping"),
        (b"a: *nope\n", "not valid YAML"),
        (b"", "expected a mapping"),
    ],
)
def test_files_that_are_no_platform(tmp_path, content, message):
    file = tmp_path / "platform.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        read_platform(file)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(BadInputError, match="no such file"):
        read_platform(tmp_path / "platform.yaml")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_platform(tmp_path)


def test_policy_and_platform_must_name_the_same_services(tmp_path):
    platform = read_platform(PROJECT / "platform.yaml")
    policy = StackFile(PROJECT / "Pulumi.dev.yaml").read()
    check_policy_fits(policy, platform, policy_file=Path("s"), platform_file=Path("p"))
    only_orders = Policy(services={"orders": policy.services["orders"]})
    with pytest.raises(BadInputError, match="no policy for dashboard"):
        check_policy_fits(only_orders, platform, policy_file=Path("s"), platform_file=Path("p"))
    more = Policy(services={**policy.services, "ghost": policy.services["orders"]})
    with pytest.raises(BadInputError, match="a policy for ghost"):
        check_policy_fits(more, platform, policy_file=Path("s"), platform_file=Path("p"))
