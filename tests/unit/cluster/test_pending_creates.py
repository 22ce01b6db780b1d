from __future__ import annotations

from scaleproof.cluster.pending_creates import adopted


def operation(kind: str, inputs: dict, doing: str = "creating") -> dict:
    return {"type": doing, "resource": {"urn": f"urn:{kind}", "type": kind, "inputs": inputs}}


def test_objects_and_releases_that_were_being_created_count_as_made() -> None:
    orders = operation("kubernetes:apps/v1:Deployment", {"metadata": {"name": "orders", "namespace": "shop"}})
    deleting = operation("kubernetes:core/v1:Secret", {"metadata": {"name": "key"}}, "deleting")
    foreign = operation("other:thing:Thing", {"metadata": {"name": "x"}})
    space = operation("kubernetes:core/v1:Namespace", {"metadata": {"name": "shop"}})
    release = operation("kubernetes:helm.sh/v3:Release", {"name": "redis", "namespace": "shop", "values": {}})
    before = {"resources": [{"urn": "first"}], "pending_operations": [orders, deleting, space, release, foreign]}
    found = adopted(before)
    assert found.ids == ("shop/orders", "shop", "shop/redis")
    assert found.deployment["pending_operations"] == [deleting, foreign]
    assert [each["urn"] for each in found.deployment["resources"]] == ["first", *found.urns]
    assert found.deployment["resources"][1] == {
        **orders["resource"], "id": "shop/orders", "outputs": orders["resource"]["inputs"]
    }  # fmt: skip


def test_nothing_pending_is_nothing_adopted() -> None:
    assert adopted({}).urns == ()
