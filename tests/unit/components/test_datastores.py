from __future__ import annotations

import pytest

from scaleproof.components.manifests import releases, render
from scaleproof.components.platform_parts import postgres_args, redis_args, variables_of
from scaleproof.components.postgres import postgres_manifests
from scaleproof.components.redis import redis_release


def postgres(inputs, **database) -> dict[str, dict]:
    return {item["kind"]: item for item in postgres_manifests(postgres_args(inputs(database=database)), "pw")}


class TestPostgres:
    def test_its_settings_are_the_specs(self, inputs):
        container = postgres(inputs)["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
        assert container["args"] == ["postgres", "-c", "max_connections=80", "-c", "shared_buffers=131072kB"]

    def test_its_password_is_a_file(self, inputs):
        items = postgres(inputs)
        container = items["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
        told = {each["name"]: each["value"] for each in container["env"]}
        assert told["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres/password"
        assert "pw" not in str({kind: item for kind, item in items.items() if kind != "Secret"}).replace("'pw'", "pw").split()

    def test_a_volume_goes_with_the_stack_as_its_password_does(self, inputs):
        spec = postgres(inputs, storage="20Gi")["StatefulSet"]["spec"]
        assert spec["volumeClaimTemplates"][0]["spec"]["resources"] == {"requests": {"storage": "20Gi"}}
        assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"

    def test_without_storage_the_data_is_gone_with_the_pod(self, inputs):
        spec = postgres(inputs, storage=None)["StatefulSet"]["spec"]
        assert "volumeClaimTemplates" not in spec
        assert {"name": "data", "emptyDir": {"sizeLimit": "4Gi"}} in spec["template"]["spec"]["volumes"]

    def test_only_the_platforms_services_and_who_makes_their_roles_may_connect(self, inputs):
        spec = postgres(inputs)["NetworkPolicy"]["spec"]
        labels = {"app.kubernetes.io/part-of": "shop", "app.kubernetes.io/component": "service"}
        assert spec["ingress"] == [
            {
                "from": [
                    {"podSelector": {"matchLabels": each}} for each in (labels, {"app.kubernetes.io/name": "postgres-roles"})
                ],
                "ports": [{"protocol": "TCP", "port": 5432}],
            }
        ]

    @pytest.mark.parametrize(
        ("given", "secret"),
        [
            ({}, "orders-database-url"),
            ({"database": {"secret": "theirs"}}, "theirs"),
            ({"url": True}, "database"),
            ({"platform": {"postgres": None}}, None),
        ],
    )
    def test_where_services_find_their_database(self, inputs, given, secret):
        made = inputs(**given)
        variables = {variable.name: variable.secret for variable in variables_of(made, "orders")}
        assert variables.get("DATABASE_URL") == secret
        assert bool([item for item in render(made) if item["kind"] == "StatefulSet"]) is (secret == "orders-database-url")


class TestRedis:
    def test_the_limit_leaves_room_beside_the_data(self, inputs):
        values = redis_release(redis_args(inputs())[0]).values
        assert values["resources"]["limits"]["memory"] == "92Mi"  # 64 of it are 70 %
        assert values["maxmemoryPercent"] == 70

    def test_a_cache_with_a_password_from_its_secret(self, inputs):
        values = redis_release(redis_args(inputs())[0]).values
        assert (values["role"], values["persistence"]) == ("cache", {"enabled": False})
        assert values["auth"] == {"enabled": True, "existingSecret": "redis-credentials", "passwordKey": "password"}

    def test_more_values_win_key_by_key(self, inputs):
        made = inputs(redis={"values": {"auth": {"passwordKey": "other"}, "priorityClassName": "high"}, "exporter": True})
        values = redis_release(redis_args(made)[0]).values
        assert values["auth"] == {"enabled": True, "existingSecret": "redis-credentials", "passwordKey": "other"}
        assert (values["priorityClassName"], values["metrics"]) == ("high", {"enabled": True})

    def test_none_where_the_spec_has_none(self, inputs):
        made = inputs(platform={"redis": None})
        assert redis_args(made) == []
        assert "redis" not in [release["name"] for release in releases(made)]
        assert "REDIS_URL" not in [variable.name for variable in variables_of(made, "orders")]

    def test_state_is_kept_apart_where_the_spec_says_so(self, inputs):
        made = inputs(platform={"state_redis": {"memory": "35Mi"}})
        cache, state = (redis_release(args) for args in redis_args(made))
        assert (cache.name, cache.values["role"]) == ("redis", "cache")
        assert (state.name, state.values["role"], state.values["fullnameOverride"]) == ("redis-state", "state", "redis-state")
        assert state.values["resources"]["limits"]["memory"] == "50Mi"  # 35 of it are 70 %
        assert state.values["persistence"] == {"enabled": False}
        assert [release["name"] for release in releases(made) if "redis" in release["name"]] == ["redis", "redis-state"]
        variables = {variable.name: (variable.secret, variable.key) for variable in variables_of(made, "orders")}
        assert variables["REDIS_URL"] == ("redis-state-credentials", "REDIS_URL")
        assert variables["CACHE_REDIS_URL"] == ("redis-credentials", "REDIS_URL")
        secrets = {item["metadata"]["name"] for item in render(made) if item["kind"] == "Secret"}
        assert secrets >= {"redis-credentials", "redis-state-credentials"}
        policy = next(item for item in render(made) if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] == "orders")
        [rule] = [each for each in policy["spec"]["egress"] if each["ports"] == [{"protocol": "TCP", "port": 6379}]]
        assert [peer["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] for peer in rule["to"]] == [
            "redis",
            "redis-state",
        ]

    def test_one_for_both_is_told_as_the_state_server(self, inputs):
        variables = [variable.name for variable in variables_of(inputs(), "orders")]
        assert "REDIS_URL" in variables
        assert "CACHE_REDIS_URL" not in variables


class TestLoad:
    def test_off_by_default(self, inputs):
        assert "locust" not in [release["name"] for release in releases(inputs())]

    @pytest.mark.parametrize(
        ("gateway", "rule"),
        [
            (
                {},
                {
                    "to": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}},
                            "podSelector": {
                                "matchLabels": {
                                    "gateway.envoyproxy.io/owning-gateway-name": "gateway",
                                    "gateway.envoyproxy.io/owning-gateway-namespace": "shop-dev",
                                }
                            },
                        }
                    ],
                    "ports": [{"protocol": "TCP", "port": 8080}],
                },
            ),
            ({"url": "https://shop.example"}, {"ports": [{"protocol": "TCP", "port": 443}]}),
            ({"url": "http://shop.example:8000/x"}, {"ports": [{"protocol": "TCP", "port": 8000}]}),
        ],
        ids=["inside", "https outside", "a port outside"],
    )
    def test_it_reaches_the_gateway_and_nothing_else(self, inputs, gateway, rule):
        made = inputs(gateway=gateway, load_test={"enabled": True, "workers": 3})
        release = next(release for release in releases(made) if release["name"] == "locust")
        assert release["values"]["networkPolicy"] == {"enabled": True, "targets": [rule]}
        assert (release["namespace"], release["values"]["worker"]) == ("shop-dev-load", {"replicas": 3})
        assert release["chart"] == "/charts/locust"
