import pytest

from fakes.tiny_platform import tiny_platform, tiny_policy
from scaleproof.runtime.budget import budget_of, check_budget
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.platform import Platform
from scaleproof.spec.platform_file import read_platform
from scaleproof.spec.stack_file import StackFile


def platform(users: int) -> Platform:
    plain = tiny_platform(("orders",))
    return plain.model_copy(update={"load": plain.load.model_copy(update={"users": users})})


def test_the_reserves_are_as_measured_at_ten_thousand_users() -> None:
    with_redis = platform(10_000).model_copy(update={"redis": {}})
    budget = budget_of(with_redis, tiny_policy(with_redis), cores=2)
    assert (budget.generator, budget.gateway, budget.datastores) == pytest.approx((0.35, 0.25, 0.35))
    assert budget.available == pytest.approx(1.05)


def test_fewer_users_leave_more_and_no_datastores_need_nothing() -> None:
    few = budget_of(platform(100), tiny_policy(platform(100)), cores=2)
    assert few.datastores == 0
    assert few.available > budget_of(platform(10_000), tiny_policy(platform(10_000)), cores=2).available > 1.05


@pytest.mark.parametrize(
    ("cpu", "most", "fits"),
    [
        ("300m", 4, True),  # 1.2 of 1.4 cores
        ("350m", 4, True),  # exactly 1.4
        ("355m", 4, False),
        ("1500m", 1, False),
    ],
)
def test_the_sum_of_limits_must_fit(cpu: str, most: int, fits: bool) -> None:
    budget = budget_of(platform(10_000), tiny_policy(platform(10_000), cpu=cpu, most=most), cores=2)
    assert budget.fits is fits


def test_a_refusal_names_every_term_and_what_to_lower() -> None:
    spec = platform(10_000)
    with pytest.raises(BadInputError) as refused:
        check_budget(budget_of(spec, tiny_policy(spec, cpu="500m", most=9), cores=2))
    text = str(refused.value)
    for part in ("orders 9 x 500m", "4.50 cores", "1.40 are left", "generator (0.35)", "gateway (0.25)", "maxReplicas"):
        assert part in text


def test_held_replicas_count_instead_of_the_maximum() -> None:
    spec = platform(100)
    assert budget_of(spec, tiny_policy(spec), 2, {"orders": 2}).needed == pytest.approx(0.6)


def test_the_reference_platform_fits_two_cores(request: pytest.FixtureRequest) -> None:
    root = request.config.rootpath
    reference = read_platform(root / "platform.yaml")
    check_budget(budget_of(reference, StackFile.of(root, "dev").read(), cores=2))
