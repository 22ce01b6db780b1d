"""helm as the tests of the charts use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from scripts.cluster.places import default_places

CHARTS = Path(__file__).parents[3] / "charts"
LOCUST_IMAGE = {
    "registry": "docker.io",
    "repository": "scaleproof/locust",
    "tag": "0.1.0",
    "digest": "",
    "pullPolicy": "IfNotPresent",
}
VALKEY_IMAGE = {
    "registry": "scaleproof.test",
    "repository": "valkey",
    "tag": "latest",
    "digest": "",
    "pullPolicy": "IfNotPresent",
}
REDIS_IMAGE = VALKEY_IMAGE | {"repository": "redis"}
NO_METRICS = {"enabled": False}

VALUES: dict[str, dict[str, Any]] = {
    "redis": {"chart": "redis"},
    "redis-state": {
        "chart": "redis",
        "role": "state",
        "persistence": {"appendfsync": "always", "storageClass": "fast", "size": "10Gi"},
    },
    "redis-memory-only": {"chart": "redis", "persistence": {"enabled": False}, "metrics": NO_METRICS, "maxmemoryPercent": 60},
    "redis-existing-claim": {"chart": "redis", "persistence": {"existingClaim": "kept"}, "fullnameOverride": "cache"},
    "redis-tls-acl": {
        "chart": "redis",
        "auth": {"passwordKey": "", "aclKey": "users.acl", "existingSecret": "users"},
        "tls": {"enabled": True, "authClients": "required", "existingSecret": "cert"},
        "metrics": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    },
    "redis-open": {"chart": "redis", "auth": {"enabled": False}, "engine": "redis", "image": REDIS_IMAGE},
    "redis-everything": {
        "chart": "redis",
        "commonLabels": {"team": "shop"},
        "podLabels": {"tier": "data"},
        "podAnnotations": {"a": "b"},
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "data", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "extraConfig": "slowlog-log-slower-than 5000",
        "serviceAccount": {"create": False, "name": "other"},
        "networkPolicy": {
            "clients": [{"podSelector": {"matchLabels": {"app": "orders"}}}],
            "monitoring": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}],
        },
        "service": {"port": 6380, "annotations": {"c": "d"}},
        "resources": {"limits": {"memory": "1.5Gi"}, "requests": {"memory": "1.5Gi"}},
    },
    "locust": {"chart": "locust"},
    "locust-autostart": {
        "chart": "locust",
        "target": {"host": "http://gateway.shop.svc"},
        "autostart": {"enabled": True, "users": 50, "spawnRate": 2.5, "runTimeSeconds": 0},
        "locustfiles": {
            "files": {"main.py": "import journeys.a\n", "journeys/a.py": "A = '{{ not a template }}'\n"},
            "main": "main.py",
        },
        "environment": {"LOCUST_LOGLEVEL": "DEBUG", "N": 3},
        "environmentFromSecrets": ["tokens"],
    },
    "locust-standby": {"chart": "locust", "mode": "standby", "image": LOCUST_IMAGE, "worker": {"replicas": 4}},
    "locust-plain": {"chart": "locust", "exporter": {"enabled": False}, "locustfiles": {"existingConfigMap": "mine"}},
    "locust-everything": {
        "chart": "locust",
        "commonLabels": {"team": "shop"},
        "podLabels": {"tier": "load"},
        "podAnnotations": {"a": "b"},
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "load"},
        "tolerations": [{"key": "load", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
        "exporter": {"podMonitor": {"enabled": True}, "port": 9999},
        "serviceAccount": {"create": False},
        "networkPolicy": {
            "targets": [
                {"to": [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}], "ports": [{"port": 80, "protocol": "TCP"}]}
            ],
            "users": [{"podSelector": {}}],
            "monitoring": [{"podSelector": {}}],
        },
        "podDisruptionBudget": {"maxUnavailable": 0},
    },
}


def helm(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run helm: on PATH, else the one that the cluster's build made."""
    programs = f"{os.environ['PATH']}{os.pathsep}{default_places().programs}"
    program = shutil.which("helm", path=programs)
    assert program, "no helm: `python -m scripts.cluster build`"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, env=os.environ | environment)


def values_file(folder: Path, values: dict[str, Any]) -> Path:
    """The values without `chart`, as a file."""
    file = folder / "values.yaml"
    YAML(typ="safe").dump({name: value for name, value in values.items() if name != "chart"}, file)
    return file


def rendered(folder: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of the release `shop` in the namespace `live`."""
    file = values_file(folder, values)
    done = helm("template", "shop", str(CHARTS / values["chart"]), "--namespace", "live", "--values", str(file))
    assert done.returncode == 0, done.stderr
    return [each for each in YAML(typ="safe", pure=True).load_all(done.stdout) if each]
