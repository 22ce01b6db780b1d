"""What differs between two policies, in words and as a diff."""

from fakes.sample_run import sample_policy
from scaleproof.report.policy_change import change_sentence, changed_fields, policy_diff
from scaleproof.spec.policy import Policy


def test_equal_policies_do_not_differ():
    assert changed_fields(sample_policy(), sample_policy()) == []
    assert change_sentence(sample_policy(), sample_policy()) == "The policy did not change."
    assert policy_diff(sample_policy(), sample_policy()) == ""


def test_fields_read_in_plain_words_with_their_units():
    rows = changed_fields(sample_policy(), sample_policy(target=60, min_replicas=2, cpu="110m"))
    assert rows[:3] == [
        ("dashboard", "least replicas", "1", "2"),
        ("dashboard", "target utilization", "80 %", "60 %"),
        ("dashboard", "CPU request", "150m", "110m"),
    ]


def test_services_that_change_alike_share_a_sentence():
    assert change_sentence(sample_policy(), sample_policy(cpu="110m")) == "dashboard and orders: CPU request 150m → 110m."


def test_an_added_rule_is_shown_against_the_default():
    document = sample_policy().model_dump(mode="json", by_alias=True, exclude_none=True)
    document["services"]["orders"]["autoscaling"]["behavior"]["scaleUp"] = {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
    }
    rows = changed_fields(sample_policy(), Policy.model_validate(document))
    assert ("orders", "scale-up window", "default", "0 s") in rows
    assert ("orders", "behavior.scaleUp.policies[0].periodSeconds", "default", "15 s") in rows


def test_a_service_that_only_one_policy_knows():
    document = sample_policy().model_dump(mode="json", by_alias=True, exclude_none=True)
    del document["services"]["orders"]
    rows = changed_fields(Policy.model_validate(document), sample_policy())
    assert ("orders", "least replicas", "default", "1") in rows


def test_the_diff_is_a_unified_one():
    diff = policy_diff(sample_policy(), sample_policy(target=60))
    assert diff.startswith("--- policy before\n+++ policy after\n@@")
    assert "-          averageUtilization: 80" in diff.replace("            ", "          ")
