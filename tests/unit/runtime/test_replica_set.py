from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fakes.tiny_platform import resources, tiny_platform
from scaleproof.runtime.replica import told
from scaleproof.runtime.replica_set import plan
from scaleproof.spec.policy import ResourceRequirements

NEW = ResourceRequirements.model_validate(resources("200m"))
OLD = ResourceRequirements.model_validate(resources("100m"))


@dataclass
class Stub:
    """What the plan looks at."""

    created_at: float
    ready: bool = True
    resources: ResourceRequirements = NEW


def test_what_a_service_says_of_its_own_database_holds(tmp_path: Path) -> None:
    plain = tiny_platform().services["alpha"]
    ours, theirs = {"DATABASE_URL": "postgresql://alpha@127.0.0.1/postgres"}, {"DATABASE_URL": "postgresql://theirs"}
    assert told("alpha", plain, tmp_path, ours).environment == ours
    assert told("alpha", plain.model_copy(update={"environment": theirs}), tmp_path, ours).environment == theirs


def planned(alive: list[Stub], desired: int) -> tuple[int, list[float]]:
    """How many to create, and the ages of those to drain."""
    create, drain = plan(alive, NEW, desired)  # type: ignore[arg-type]
    return create, [replica.created_at for replica in drain]


def test_missing_replicas_are_created() -> None:
    assert planned([], 3) == (3, [])
    assert planned([Stub(1), Stub(2, ready=False)], 3) == (1, [])


def test_enough_is_enough() -> None:
    assert planned([Stub(1), Stub(2, ready=False)], 2) == (0, [])


def test_on_the_way_down_the_unready_go_first_then_the_youngest() -> None:
    alive = [Stub(1), Stub(2), Stub(3, ready=False), Stub(4)]
    assert planned(alive, 3) == (0, [3])
    assert planned(alive, 2) == (0, [3, 4])
    assert planned(alive, 0) == (0, [3, 4, 2, 1])


def test_a_replica_that_is_not_ready_is_not_bought_with_one_that_is() -> None:
    assert planned([Stub(1, ready=False), Stub(2)], 1) == (0, [1])


def test_new_resources_start_beside_the_old() -> None:
    old = [Stub(age, resources=OLD) for age in (1, 2, 3, 4)]
    assert planned(old, 4) == (1, [])  # a surge of 25 %


def test_an_old_one_goes_when_a_new_one_is_ready() -> None:
    old = [Stub(age, resources=OLD) for age in (1, 2, 3, 4)]
    assert planned([*old, Stub(5, ready=False)], 4) == (0, [])
    assert planned([*old, Stub(5)], 4) == (0, [4])


def test_an_old_one_that_is_not_ready_goes_at_once() -> None:
    assert planned([Stub(1, ready=False, resources=OLD), Stub(2, ready=False)], 1) == (0, [1])


def test_the_last_old_one_goes_last() -> None:
    assert planned([Stub(1, resources=OLD), Stub(5)], 1) == (0, [1])


def test_scaling_down_while_replacing_spares_the_new() -> None:
    assert planned([Stub(1, resources=OLD), Stub(2, resources=OLD), Stub(5)], 1) == (0, [2, 1])


stubs = st.builds(Stub, st.floats(0, 100), st.booleans(), st.sampled_from([NEW, OLD]))


@given(st.lists(stubs, max_size=8), st.integers(0, 8))
def test_it_never_drains_below_what_is_wanted(alive: list[Stub], desired: int) -> None:
    create, drain = plan(alive, NEW, desired)  # type: ignore[arg-type]
    assert create == 0 or len(alive) + create <= desired + -(-desired // 4)
    left = [stub for stub in alive if all(stub is not gone for gone in drain)]
    assert len(left) >= min(desired, len(alive))
    assert sum(stub.ready for stub in left) >= min(desired, sum(stub.ready for stub in alive))


@given(st.lists(stubs, max_size=8), st.integers(0, 8))
def test_it_ends_with_exactly_what_is_wanted(alive: list[Stub], desired: int) -> None:
    for now in range(40):
        create, drain = plan(alive, NEW, desired)  # type: ignore[arg-type]
        alive = [stub for stub in alive if all(stub is not gone for gone in drain)]
        for stub in alive:
            stub.ready = True
        alive += [Stub(1000 + now, ready=False) for _ in range(create)]
    assert len(alive) == desired
    assert all(stub.resources is NEW for stub in alive)
