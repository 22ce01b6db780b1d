from __future__ import annotations

import json

import pytest

from fakes.world import platform, policy, truth
from scaleproof.spec.errors import BadInputError
from scaleproof.spec.policy import Policy
from scaleproof.tuner.calibration_file import check_calibration, read_calibration, write_calibration

NOW = 1_000_000.0
STAMP = truth().stamp


def test_what_is_written_is_read_back(tmp_path):
    file = write_calibration(truth(), tmp_path / "deep" / "calibration.json")
    assert read_calibration(file) == truth()
    assert [path.name for path in file.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{", "cannot be read as JSON"),
        ("[]", "dictionary"),
        ('{"version": 1, "slo": {}, "services": {}}', "stamp"),
        ('{"version": 2}', "version 2 is newer than 1"),
    ],
)
def test_what_is_no_calibration(tmp_path, text, message):
    file = tmp_path / "calibration.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_calibration(file)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot be written"):
        write_calibration(truth(), tmp_path / "file" / "calibration.json")


def test_it_serves_the_platform_it_was_measured_on():
    check_calibration(truth(), STAMP, policy(), platform(), now=NOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"machine": "machine-2"}, "another machine"),
        ({"target": "kube"}, "measured on target local, this is kube"),
        ({"image": "image-2"}, "code or its packages changed"),
        ({"limits": {"orders": "200m/256Mi"}}, "orders was measured with limits 150m/256Mi, now they are 200m/256Mi"),
    ],
)
def test_it_serves_no_other(change, message):
    with pytest.raises(BadInputError, match=message):
        check_calibration(truth(), STAMP.model_copy(update=change), policy(), platform(), now=NOW)


def test_after_a_week_it_is_stale():
    check_calibration(truth(), STAMP, policy(), platform(), now=STAMP.measured_at + 6.9 * 86_400)
    with pytest.raises(BadInputError, match="8 days old"):
        check_calibration(truth(), STAMP, policy(), platform(), now=STAMP.measured_at + 8.1 * 86_400)


def test_another_slo():
    document = platform().model_dump(mode="json", by_alias=True)
    document["services"]["orders"]["slo"] = {"latency_ms": 200, "share": 0.99}
    with pytest.raises(BadInputError, match=r"0\.95 within 300 ms, platform.yaml now says 0\.99 within 200 ms"):
        check_calibration(truth(), STAMP, policy(), type(platform()).model_validate(document), now=NOW)


def test_another_cpu_limit_in_the_policy():
    document = json.loads(policy().model_dump_json(by_alias=True))
    document["services"]["orders"]["resources"]["limits"]["cpu"] = "300m"
    with pytest.raises(BadInputError, match="CPU limit of 150m, the policy now says 300m"):
        check_calibration(truth(), STAMP, Policy.model_validate(document), platform(), now=NOW)


def test_a_service_that_was_not_measured():
    partly = truth().model_copy(update={"services": {"orders": truth().services["orders"]}})
    with pytest.raises(BadInputError, match="dashboard was not measured"):
        check_calibration(partly, STAMP, policy(), platform(), now=NOW)
