"""Whole timelines: one autoscaler over many syncs, in a world that follows our decisions as a cluster would.

A timeline is a generator: it yields a case a sync and is sent the desired replicas. The cases it gave are later put to
upstream's controller, which keeps its own memory: where both ever differ, the rest differs too.
"""

from __future__ import annotations

import math

from upstream.cases import autoscaler, custom_and_external, maybe, options, some, time_text

KINDS = ("Resource", "ContainerResource", "Pods", "Object", "External")
SYNCS = 50
MOST_PODS = 40
REQUEST_MILLI = 200
WAYS = (
    lambda turn: 1 + math.sin(turn / 9),  # waves
    lambda turn: 0.2 if turn % 24 < 16 else 4,  # bursts
    lambda turn: 0.1 + turn / 12,  # a climb
    lambda turn: max(0.05, 3 - turn / 10),  # a decline
    lambda turn: 1,  # nothing but noise
)


class World:
    """Pods that come and go as the count says, and the load they share. Times in seconds."""

    def __init__(self, random, replicas):
        self._random = random
        self._born = 0
        self._pods = []
        self._start_seconds = random.choice([0, 5, 20, 40])
        self._way = random.choice(WAYS)
        self._load_milli = REQUEST_MILLI * max(replicas, 1) * random.uniform(0.4, 1.5)
        self._noise = random.choice([0, 0.05, 0.3])
        self._messy = maybe(random, 0.5)
        self._totals = maybe(random, 0.5)
        self.follow(-1000, replicas)

    def follow(self, now, replicas):
        """Pods that are leaving go, surplus ones begin to, missing ones are made."""
        self._pods = [pod for pod in self._pods if not pod["leaving"]]
        for pod in self._pods[replicas:]:
            pod["leaving"] = True
        for _ in range(replicas - len(self._pods)):
            self._pods.append(
                {"name": f"p{self._born}", "born": now, "leaving": False, "slow": self._random.choice([0, 0, 15])}
            )
            self._born += 1

    def show(self, now, turn, spec):
        """The lists of pods and metrics at this time. With a messy world some samples, and rarely a whole list, are missing."""
        noise = self._random.uniform(1 - self._noise, 1 + self._noise)
        load = self._load_milli * self._way(turn) * noise
        ready = [pod for pod in self._pods if self._ready_at(pod) <= now]
        share = min(5 * REQUEST_MILLI, load / max(1, len(ready)))
        samples = [self._sample(pod, now, share) for pod in ready if now - self._ready_at(pod) >= pod["slow"]]
        if self._messy:
            samples = [sample for sample in samples if not maybe(self._random, 0.04)]
        names = [sample["metadata"]["name"] for sample in samples]
        value = lambda: int((load if self._totals else share) * self._random.uniform(0.9, 1.1))
        metrics = {"podMetrics": {"items": samples}}
        metrics |= custom_and_external(self._random, spec, now=now, names=names, value=value, absent=0.03 if self._messy else 0)
        present = 0.99 if self._messy else 2
        return {
            "pods": {"items": [self._pod(pod, now) for pod in self._pods]},
            **some(self._random, present, {key: lambda value=value: value for key, value in metrics.items()}),
        }

    def _ready_at(self, pod):
        return pod["born"] + self._start_seconds + pod["slow"]

    def _pod(self, pod, now):
        ready = self._ready_at(pod) <= now
        since = self._ready_at(pod) if ready else pod["born"]
        metadata = {"name": pod["name"], "namespace": "n"}
        if pod["leaving"]:
            metadata["deletionTimestamp"] = time_text(now // 1)
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": time_text(since // 1)}
        status = {"phase": "Running" if now - pod["born"] >= pod["slow"] else "Pending", "conditions": [condition]}
        requests = {"cpu": f"{REQUEST_MILLI}m", "memory": "64Mi"}
        return {
            "metadata": metadata,
            "spec": {"containers": [{"name": "app", "resources": {"requests": requests}}]},
            "status": status | {"startTime": time_text(pod["born"] // 1)},
        }

    def _sample(self, pod, now, cpu_milli):
        usage = {"cpu": f"{int(cpu_milli * 1e6 * self._random.uniform(0.95, 1.05))}n", "memory": "60Mi"}
        sampled = {"timestamp": time_text((now - self._random.choice([1, 8, 14])) // 1), "window": "15s"}
        containers = [{"name": "app", "usage": usage}]
        return {"metadata": {"name": pod["name"], "namespace": "n"}, **sampled, "containers": containers}


def lively(random, *, replicas, kinds):
    """A spec that this world's load makes scale, in three of four; any spec in the others. Metrics of these types only."""
    spec = autoscaler(random, replicas=replicas)
    spec["metrics"] = [metric for metric in spec.get("metrics", []) if metric["type"] in kinds]
    spec["maxReplicas"] = min(spec["maxReplicas"], MOST_PODS)
    if maybe(random, 0.25):
        return spec
    spec["minReplicas"] = random.choice([1, 1, 2, 0])
    spec["maxReplicas"] = random.choice([10, 20, MOST_PODS])
    spec["metrics"] = [near_load(random, metric) for metric in spec["metrics"]]
    for rules in spec.get("behavior", {}).values():
        if maybe(random, 0.7):
            rules["stabilizationWindowSeconds"] = random.choice([0, 15, 30, 60, 120])
        if rules.get("selectPolicy") == "Disabled":
            rules["selectPolicy"] = "Max"
    return spec


def near_load(random, metric):
    """The metric with a target about what a replica of this world uses."""
    source = metric[metric["type"][0].lower() + metric["type"][1:]]
    target = source["target"]
    if target["type"] == "Utilization":
        target["averageUtilization"] = random.choice([50, 60, 75, 80, 90, 120])
    else:
        milli = random.choice(["100m", "150m", "200m", "0.25"])
        target |= {key: milli for key in ("averageValue", "value") if key in target}
    if "container" in source:
        source["container"] = "app"
    if source.get("name") == "memory":
        source["name"] = "cpu"
    return metric


def timeline(random, *, syncs=SYNCS, kinds=KINDS):
    """A generator of cases, one a sync; send it the desired replicas."""
    now = 10_000 + random.choice([0, 0.25])
    replicas = random.choice([1, 1, 2, 3, 5, 8])
    spec = lively(random, replicas=replicas, kinds=kinds)
    world = World(random, replicas)
    period = random.choice([15, 15, 15, 14.999999999, 15.000000001, 30, 60])
    case = {"hpa": {"metadata": {"name": "h", "namespace": "n"}, "spec": spec, "status": {"currentReplicas": replicas}}}
    case["options"] = options(random)
    for turn in range(syncs):
        desired = yield {"now": time_text(now), **case, **world.show(now, turn, spec)}
        case = {}
        if maybe(random, 0.01):
            spec = lively(random, replicas=desired, kinds=kinds)
            case["hpa"] = {"metadata": {"name": "h", "namespace": "n"}, "spec": spec}
        if maybe(random, 0.01):
            desired = random.choice([0, 1, 3, 9])
            case["scale"] = {"spec": {"replicas": desired}, "status": {"replicas": replicas}}
        world.follow(now, desired)
        replicas = desired
        now += 300 if maybe(random, 0.01) else period
