from pathlib import Path

import pytest

from scaleproof.runtime.cpu_limit import (
    CgroupCpuLimit,
    PauseCpuLimit,
    Throttling,
    make_cpu_limit,
    own_cpu_cgroup,
)
from scaleproof.spec.errors import BadInputError


@pytest.fixture
def register(tmp_path: Path) -> Path:
    return tmp_path / "register"


def test_version_1_writes_quota_and_period_in_microseconds(tmp_path: Path, register: Path) -> None:
    limit = CgroupCpuLimit(tmp_path / "scaleproof-x", register)
    assert limit.prepare("orders-1", 150) == [str(tmp_path / "scaleproof-x" / "orders-1")]
    folder = tmp_path / "scaleproof-x" / "orders-1"
    assert (folder / "cpu.cfs_quota_us").read_text() == "15000"
    assert (folder / "cpu.cfs_period_us").read_text() == "100000"
    (folder / "cpu.stat").write_text("nr_periods 10\nnr_throttled 4\nthrottled_time 250000000\n")
    assert limit.throttling("orders-1") == Throttling(10, 4, 0.25)
    assert limit.keep_up()


def test_version_2_writes_cpu_max(tmp_path: Path, register: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    limit = CgroupCpuLimit(tmp_path / "scaleproof-x", register)
    folder = Path(limit.prepare("orders-1", 5)[0])
    assert (folder / "cpu.max").read_text() == "1000 100000"  # never below the kernel's least quota
    assert (tmp_path / "scaleproof-x" / "cgroup.subtree_control").read_text() == "+cpu"
    (folder / "cpu.stat").write_text("usage_usec 7\nnr_periods 10\nnr_throttled 4\nthrottled_usec 250000\n")
    assert limit.throttling("orders-1") == Throttling(10, 4, 0.25)


def test_every_folder_is_noted_before_it_is_made(tmp_path: Path, register: Path) -> None:
    limit = CgroupCpuLimit(tmp_path / "scaleproof-x", register)
    limit.prepare("orders-1", 150)
    limit.prepare("orders-1", 300)
    top = tmp_path / "scaleproof-x"
    assert register.read_text().splitlines() == [str(top), str(top / "orders-1")]


def test_close_removes_what_is_empty(tmp_path: Path, register: Path) -> None:
    limit = CgroupCpuLimit(tmp_path / "scaleproof-x", register)
    (tmp_path / "scaleproof-x" / "orders-1").mkdir()
    (tmp_path / "scaleproof-x" / "orders-2").mkdir()
    limit.ended("orders-1")
    limit.started("orders-2", 1, 100)
    assert limit.throttling("orders-1") == Throttling()
    limit.close()
    assert not (tmp_path / "scaleproof-x").exists()


@pytest.mark.parametrize(
    ("lines", "made", "found"),
    [
        ("4:memory:/x\n1:cpu:/a\n0::/", ["cpu/a/cpu.cfs_quota_us"], "cpu/a"),
        ("1:cpu,cpuacct:/a\n0::/", ["cpu,cpuacct/a/cpu.cfs_quota_us"], "cpu,cpuacct/a"),
        ("1:cpu:/\n0::/", ["cpu/tasks"], "cpu/"),
        ("0::/user/me", ["user/me/cgroup.controllers"], "user/me"),
        ("0::/user/me", [], None),
        ("4:memory:/x", [], None),
    ],
)
def test_the_own_cgroup_is_found(tmp_path: Path, lines: str, made: list[str], found: str | None) -> None:
    (tmp_path / "cgroup").write_text(lines)
    for name in made:
        (tmp_path / "root" / name).parent.mkdir(parents=True)
        (tmp_path / "root" / name).write_text("")
    expected = None if found is None else tmp_path / "root" / found
    assert own_cpu_cgroup(tmp_path, tmp_path / "root") == expected


def test_without_proc_there_is_none(tmp_path: Path) -> None:
    assert own_cpu_cgroup(tmp_path / "absent", tmp_path) is None


def test_an_unknown_kind_is_refused(register: Path) -> None:
    with pytest.raises(BadInputError, match="expected cgroup or pause"):
        make_cpu_limit("t", register, force="docker", parent=None)


@pytest.mark.parametrize("parent", [None, "absent", "ordinary folder"])
def test_where_no_cgroup_can_be_written_processes_are_paused(tmp_path: Path, register: Path, parent: str | None) -> None:
    (tmp_path / "ordinary folder").mkdir()
    folder = None if parent is None else tmp_path / parent
    limit = make_cpu_limit("t", register, force=None, parent=folder)
    assert isinstance(limit, PauseCpuLimit)
    limit.close()
    with pytest.raises(BadInputError, match="no cgroup can be written"):
        make_cpu_limit("u", register, force="cgroup", parent=folder)


def test_pausing_can_be_forced(tmp_path: Path, register: Path) -> None:
    limit = make_cpu_limit("t", register, force="pause", parent=tmp_path)
    assert limit.kind == "pause"
    assert limit.prepare("orders-1", 100) == []
    limit.close()


def test_a_cgroup_that_behaves_like_one_is_taken(tmp_path: Path, register: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A cgroup's files go with its folder; here that is played.
    real = Path.rmdir

    def rmdir(folder: Path) -> None:
        for file in folder.iterdir():
            file.unlink()
        real(folder)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    limit = make_cpu_limit("t", register, force=None, parent=tmp_path)
    assert isinstance(limit, CgroupCpuLimit)
    assert [folder.name for folder in tmp_path.glob("scaleproof-t/*")] == []
