from pathlib import Path

from fakes.tiny_platform import tiny_platform
from scaleproof.runtime.machine import image_digest, machine_digest, machine_facts


def test_the_machine_is_the_same_twice_and_described_in_a_run() -> None:
    assert machine_digest() == machine_digest()
    facts = machine_facts()
    assert facts["cores"] >= 1
    assert facts["memory_bytes"] > 2**28
    assert facts["cpu_model"]


def test_the_image_changes_with_the_services_code_and_nothing_beside_it(tmp_path: Path) -> None:
    platform = tiny_platform(command=["{python}", "-m", "services.orders"])
    code = tmp_path / "services" / "orders" / "__main__.py"
    code.parent.mkdir(parents=True)
    code.write_text("1")
    first = image_digest(tmp_path, platform)
    (tmp_path / "README.md").write_text("new")
    assert image_digest(tmp_path, platform) == first
    code.write_text("2")
    assert image_digest(tmp_path, platform) != first


def test_a_command_that_names_a_file_depends_on_it_and_on_its_environment(tmp_path: Path) -> None:
    script = tmp_path / "serve.sh"
    script.write_text("1")
    platform = tiny_platform(command=["sh", "serve.sh"])
    first = image_digest(tmp_path, platform)
    script.write_text("2")
    second = image_digest(tmp_path, platform)
    third = image_digest(tmp_path, tiny_platform(command=["sh", "serve.sh"], environment={"A": "1"}))
    assert len({first, second, third}) == 3
