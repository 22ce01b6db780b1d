"""The policy is edited in place: comments stay, nothing else changes, nothing is half-written."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy
from scaleproof.spec.stack_file import StackFile

PROJECT = Path(__file__).parent / "data"
GOOD = (PROJECT / "Pulumi.dev.yaml").read_text()


def stack(tmp_path, text=GOOD):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text)
    return StackFile.of(tmp_path, "dev")


def changed(policy: Policy, service="orders", **autoscaling) -> Policy:
    document = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    document["services"][service]["autoscaling"].update(autoscaling)
    return Policy.model_validate(document)


def test_writing_what_is_there_changes_no_byte(tmp_path):
    store = stack(tmp_path)
    assert store.write(store.read()) == ""
    assert store.file.read_text() == GOOD


def test_one_number_changes_one_line_and_keeps_its_comment(tmp_path):
    text = GOOD.replace("minReplicas: 1", "minReplicas: 1  # why one", 1)
    store = stack(tmp_path, text)
    diff = store.write(changed(store.read(), minReplicas=3))
    assert store.file.read_text() == text.replace("minReplicas: 1  # why one", "minReplicas: 3  # why one", 1)
    assert [line for line in diff.splitlines() if line.startswith(("-", "+"))][2:] == [
        "-          minReplicas: 1  # why one",
        "+          minReplicas: 3  # why one",
    ]


def test_preview_changes_nothing(tmp_path):
    store = stack(tmp_path)
    assert "minReplicas: 4" in store.preview(changed(store.read(), minReplicas=4))
    assert store.file.read_text() == GOOD


def test_restore_puts_back_the_bytes_that_were_read(tmp_path):
    store = stack(tmp_path)
    store.write(changed(store.read(), maxReplicas=9))
    store.restore()
    assert store.file.read_text() == GOOD


def test_a_behaviour_can_be_added_and_removed(tmp_path):
    store = stack(tmp_path)
    policy = store.read()
    behavior = {"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}}
    store.write(changed(policy, behavior=behavior))
    assert store.read().services["orders"].autoscaling.behavior.scale_up.policies[0].value == 4
    document = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    del document["services"]["orders"]["autoscaling"]["behavior"]
    store.write(Policy.model_validate(document))
    assert store.read().services["orders"].autoscaling.behavior is None


def test_sequences_keep_the_files_own_indentation(tmp_path):
    flat = "config:\n  other:list:\n  - a\n  - b\n" + GOOD.split("config:\n", 1)[1]
    text = flat.replace("            - type", "          - type").replace("              resource:", "            resource:")
    store = stack(tmp_path, text)
    store.write(changed(store.read(), minReplicas=2))
    assert store.file.read_text() == text.replace("minReplicas: 1", "minReplicas: 2", 1)


@settings(max_examples=40)
@given(low=st.integers(1, 50), span=st.integers(0, 50), target=st.integers(1, 900))
def test_what_is_written_is_read_back(tmp_path_factory, low, span, target):
    store = stack(tmp_path_factory.mktemp("stack"))
    metrics = [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}
    ]
    policy = changed(store.read(), minReplicas=low, maxReplicas=low + span, metrics=metrics)
    store.write(policy)
    assert store.read() == policy
    assert store.write(policy) == ""


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("minReplicas: 1", "minReplicas: 7", "minReplicas 7 is greater than maxReplicas 5"),
        ("scaleproof:policy:", "scaleproof:polic:", "expected config.scaleproof:policy"),
        ("config:", "settings:", "expected config.scaleproof:policy"),
        ("averageUtilization: 80", "averageUtilisation: 80", "did you mean 'averageUtilization'?"),
        ("averageUtilization: 80", "averageUtilization: 0", "averageUtilization: expected greater than 0, found 0"),
        ("type: Utilization, averageUtilization: 80", "type: AverageValue", "needs averageValue"),
        ("type: Resource", "type: Pods", "a metric of type Pods needs the field pods"),
    ],
)
def test_a_fault_is_named_and_nothing_changed(tmp_path, was, becomes, message):
    text = GOOD.replace(was, becomes, 1)
    store = stack(tmp_path, text)
    with pytest.raises(BadInputError) as caught:
        store.read()
    assert message in str(caught.value)
    assert store.file.read_text() == text


@pytest.mark.parametrize("name", ["", "../dev", "a b"])
def test_a_stack_name_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(BadInputError, match="stack"):
        StackFile.of(tmp_path, name)


def test_a_folder_that_cannot_be_written_loses_nothing(tmp_path, monkeypatch):
    store = stack(tmp_path)
    policy = changed(store.read(), minReplicas=2)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadInputError, match="No space left"):
        store.write(policy)
    assert store.file.read_text() == GOOD
    assert [p.name for p in tmp_path.iterdir()] == ["Pulumi.dev.yaml"]
