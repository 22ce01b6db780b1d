"""Random cases of `scaleproof hpa explain`: one generator, driven by a seed for volume and by hypothesis for small examples.

Values are picked where rules bend: at a window's, period's or tolerance's very edge, one nanosecond beside it, at zero, and
at the ends of integers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001  # UTC; without an offset its text needs none
TARGET = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
SERVICE = {"kind": "Service", "name": "main", "apiVersion": "v1"}
AGES = (
    0,
    1,
    14.999999999,
    15,
    15.000000001,
    30,
    45,
    60,
    61,
    90,
    119,
    120,
    121,
    299,
    300,
    300.5,
    301,
    600,
    1799,
    1800,
    1801,
    3600,
    3601,
)


def time_text(seconds):
    """Seconds after the epoch as RFC 3339, to the nanosecond."""
    whole = int(seconds // 1)
    nanoseconds = round((seconds - whole) * 1e9)
    text = (EPOCH + timedelta(seconds=whole)).isoformat()
    return f"{text}.{nanoseconds:09d}".rstrip("0") + "Z" if nanoseconds else f"{text}Z"


def maybe(random, share):
    return random.random() < share


def some(random, share, fields):
    """Each field with that probability."""
    return {key: value() for key, value in fields.items() if maybe(random, share)}


# What the user writes


def autoscaler(random, *, replicas):
    """An autoscaling/v2 spec for a service with so many replicas now."""
    least = random.choice([None, 1, 1, 1, min(replicas, 2), min(replicas, 5), 0, 5])
    most = max(least or 1, replicas if maybe(random, 0.85) else 1, random.choice([10, 1, 2, 4, 5, 8, 20, 50, 1000]))
    spec = {"maxReplicas": most, "scaleTargetRef": TARGET}
    if least is not None:
        spec["minReplicas"] = least
    if not maybe(random, 0.05):
        spec["metrics"] = [metric(random, i) for i in range(random.choice([1, 1, 1, 1, 2, 3]))]
    if maybe(random, 0.65):
        spec["behavior"] = some(random, 0.75, {"scaleUp": lambda: rules(random), "scaleDown": lambda: rules(random)})
    return spec


def rules(random):
    tolerances = ["0.05", "0", "100m", "50m", "0.57", "0.29", "1", "570m", "0.33", "15e-2", "0.0001", "2"]
    found = some(
        random,
        0.5,
        {
            "stabilizationWindowSeconds": lambda: random.choice([0, 15, 30, 60, 120, 300, 600, 3600]),
            "selectPolicy": lambda: random.choice(["Max", "Min", "Disabled", "Max"]),
            "policies": lambda: [policy(random) for _ in range(random.choice([1, 2, 3]))],
        },
    )
    if maybe(random, 0.3):
        found["tolerance"] = random.choice(tolerances)
    return found


def policy(random):
    values = [1, 2, 3, 4, 5, 7, 10, 25, 33, 50, 67, 100, 150, 200, 900, 2147483647]
    periods = [15, 1, 30, 60, 90, 120, 300, 1800]
    return {"type": random.choice(["Pods", "Percent"]), "value": random.choice(values), "periodSeconds": random.choice(periods)}


def metric(random, i):
    kinds = ["Resource"] * 6 + ["ContainerResource"] * 2 + ["Pods"] * 3 + ["Object"] * 2 + ["External"] * 2
    kind = random.choice(kinds)
    key = kind[0].lower() + kind[1:]
    if kind in ("Resource", "ContainerResource"):
        name = random.choice(["cpu", "cpu", "cpu", "memory"])
        source = {"name": name, "target": resource_target(random, name)}
        if kind == "ContainerResource":
            source["container"] = random.choice(["app", "app", "app", "app", "side", "nope"])
        return {"type": kind, key: source}
    source = {"metric": {"name": f"m{i}"}, "target": value_target(random, average=kind == "Pods")}
    if kind == "Object":
        source["describedObject"] = SERVICE
    if kind == "External" and maybe(random, 0.6):
        source["metric"]["selector"] = selector(random)
    return {"type": kind, key: source}


def resource_target(random, name):
    if maybe(random, 0.7):
        percent = random.choice([80, 1, 10, 30, 50, 60, 70, 75, 90, 99, 100, 101, 120, 150, 200, 400, 800])
        return {"type": "Utilization", "averageUtilization": percent}
    values = ["50m", "100m", "150m", "200m", "1"] if name == "cpu" else ["50Mi", "64Mi", "100Mi", "1e8", "123456789"]
    return {"type": "AverageValue", "averageValue": random.choice(values)}


def value_target(random, *, average):
    value = random.choice(["100m", "250m", "1", "1500m", "10", "333m", "64Mi", "7", "0.1", "100000n"])
    if average or maybe(random, 0.5):
        return {"type": "AverageValue", "averageValue": value}
    return {"type": "Value", "value": value}


def selector(random):
    if maybe(random, 0.6):
        return {"matchLabels": {"q": random.choice(["a", "b"])}}
    operator = random.choice(["In", "NotIn", "Exists", "DoesNotExist"])
    values = {"values": ["a"]} if operator.endswith("In") else {}
    return {"matchExpressions": [{"key": "q", "operator": operator, **values}]}


def options(random):
    return some(
        random,
        0.15,
        {
            "tolerance": lambda: random.choice([0, 0.05, 0.1, 0.2, 0.5]),
            "downscaleStabilisationSeconds": lambda: random.choice([0, 15, 60, 120, 299.5, 600]),
            "cpuInitializationPeriodSeconds": lambda: random.choice([0, 60, 120]),
            "initialReadinessDelaySeconds": lambda: random.choice([0, 10, 60]),
            "configurableTolerance": lambda: False,
            "scaleToZero": lambda: True,
        },
    )


# What the controller remembers


def history(random, *, now, replicas):
    events = lambda: [
        {
            "timestamp": time_text(now - random.choice(AGES)),
            "replicaChange": random.choice([1, 2, 3, 4, 5, 8, 20]),
            "outdated": maybe(random, 0.15),
        }
        for _ in range(random.choice([0, 0, 1, 2, 3, 5]))
    ]
    counts = [replicas, replicas + 1, max(0, replicas - 1), 1, 2, 3, 5, 8, 10, 20]
    recommendations = lambda: [
        {"timestamp": time_text(now - random.choice(AGES)), "recommendation": random.choice(counts)}
        for _ in range(random.choice([0, 1, 2, 4, 8]))
    ]
    return some(random, 0.6, {"scaleUpEvents": events, "scaleDownEvents": events, "recommendations": recommendations})


# What the cluster shows


def pod(random, name, *, now, messy, containers, request_milli):
    """A pod in any state; a tidy one is Running and Ready. A new pod's times lie near the edges of the readiness rules."""
    start = now - random.choice([1000, 0, 5, 10, 29, 30, 31, 60, 100, 299, 300, 301, 5000])
    rare = lambda share: messy and maybe(random, share)
    status = {
        "phase": random.choice(["Running"] * 10 + ["Pending", "Pending", "Failed", "Succeeded", "Unknown"])
        if messy
        else "Running"
    }
    metadata = {"name": name, "namespace": "n"}
    if rare(0.07):
        metadata["deletionTimestamp"] = time_text(now - 3)
    if not rare(0.05):
        status["startTime"] = time_text(start // 1)
    if not rare(0.06):
        ready = {"type": "Ready", "status": random.choice(["True"] * 8 + ["False", "False", "Unknown"]) if messy else "True"}
        if not maybe(random, 0.05):
            changed = random.choice(
                [start, start + 5, start + 29, start + 30, start + 31, now - 10, now - 15, now - 20, now - 60]
            )
            ready["lastTransitionTime"] = time_text(changed // 1)
        status["conditions"] = [{"type": "Initialized", "status": "True"}, ready]
    return {"metadata": metadata, "spec": pod_spec(random, rare, containers, request_milli), "status": status}


def pod_spec(random, rare, containers, request_milli):
    requests = {"cpu": lambda: f"{request_milli}m", "memory": lambda: random.choice(["64Mi", "128Mi", "100M"])}
    spec = {"containers": [{"name": name, "resources": {"requests": some(random, 0.99, requests)}} for name in containers]}
    if rare(0.05):
        sidecar = {"name": "i1", "restartPolicy": "Always", "resources": {"requests": {"cpu": "20m", "memory": "10Mi"}}}
        spec["initContainers"] = [sidecar, {"name": "i2", "resources": {"requests": {"cpu": random.choice(["20m", "2"])}}}]
    if rare(0.05):
        whole = [{"cpu": "500m"}, {"memory": "64Mi"}, {"cpu": "1", "memory": "1Gi"}, {"hugepages-2Mi": "2Mi"}]
        spec["resources"] = {"requests": random.choice(whole)}
        spec["overhead"] = {"cpu": "5m"}
    return spec


def sample(random, name, *, now, messy, containers, cpu_milli):
    """A pod's metrics as metrics-server tells them, in any notation of a quantity."""
    found = []
    for container in containers:
        nanocores = f"{cpu_milli * 1_000_000 + random.choice([0, 1, 500_000, 999_999])}n"
        usage = {
            "cpu": random.choice([f"{cpu_milli}m", f"{cpu_milli * 1_000_000}n", nanocores, f"{cpu_milli / 1000}"]),
            "memory": random.choice(["50Mi", "70Mi", "123456Ki", "100000001"]),
        }
        if messy and maybe(random, 0.03):
            usage.pop(random.choice(["cpu", "memory"]))
        found.append({"name": container, "usage": usage})
    if messy and maybe(random, 0.02):
        found = []
    return {
        "metadata": {"name": name, "namespace": "n"},
        "timestamp": time_text((now - random.choice([0, 5, 15, 30])) // 1),
        "window": random.choice(["15s", "30s", "1m0s", "14.5s"]),
        "containers": found,
    }


def custom_and_external(random, spec, *, now, names, value, absent=0.1):
    """Values of the spec's Pods, Object and External metrics; `value` gives thousandths. Some are not there."""
    custom, external = [], []
    for each in spec.get("metrics", ()):
        kind = each["type"]
        if kind not in ("Pods", "Object", "External") or maybe(random, absent):
            continue
        name = each[kind.lower()]["metric"]["name"]
        if kind == "External":
            labels = lambda: random.choice([{}, {"q": "a"}, {"q": "b"}])
            odd = ["9000000000000000", "8e15", "-3"]
            external += [
                {
                    "metricName": name,
                    "metricLabels": labels(),
                    "timestamp": time_text(now // 1),
                    "value": quantity(random, value, odd),
                }
                for _ in range(random.choice([1, 1, 0, 2, 3]))
            ]
            continue
        if kind == "Pods":
            described = [{"kind": "Pod", "name": pod, "namespace": "n"} for pod in names if not maybe(random, 0.05)]
        else:
            described = [{**SERVICE, "namespace": "n", "name": random.choice(["main", "main", "main", "other"])}]
        custom += [
            {
                "describedObject": object_,
                "metric": {"name": name},
                "timestamp": time_text(now // 1),
                "value": quantity(random, value, ["-5", "9000000000000"]),
            }
            for object_ in described
        ]
    return {"customMetrics": {"items": custom}, "externalMetrics": {"items": external}}


def quantity(random, value, odd):
    if maybe(random, 0.03):
        return random.choice(odd)
    milli = value()
    return random.choice([f"{milli}m", f"{milli}m", f"{milli * 1_000_000 + 1}n", str(milli)])


# A whole case


def decision(random, *, most_pods=20):
    """One sync of an autoscaler with any memory, in any situation."""
    now = 10_000 + random.choice([0, 0, 0.5, 0.123456789])
    replicas = min(random.choice([3, 1, 1, 2, 2, 0, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20]), most_pods)
    spec = autoscaler(random, replicas=replicas)
    case = {"version": 1, "now": time_text(now), "hpa": {"metadata": {"name": "h", "namespace": "n"}, "spec": spec}}
    case["hpa"]["status"] = {"currentReplicas": replicas}
    if maybe(random, 0.5):
        seen = max(0, replicas + random.choice([0, 0, 0, 1, -1]))
        case["scale"] = {"spec": {"replicas": replicas}, "status": {"replicas": seen}}
    case |= cluster(random, spec, now=now, replicas=replicas) | history(random, now=now, replicas=replicas)
    flags = options(random)
    if flags:
        case["options"] = flags
    if flags.get("scaleToZero") and maybe(random, 0.6):
        status = random.choice(["True", "True", "False"])
        case["hpa"]["status"]["conditions"] = [{"type": "ScaledToZero", "status": status, "reason": "x", "message": "x"}]
    return case


def cluster(random, spec, *, now, replicas):
    """Pods and metrics about so many replicas. Half are tidy, with loads at the edge of a tolerance."""
    messy = maybe(random, 0.5)
    containers = ["app", "side"] if maybe(random, 0.3) else ["app"]
    request = random.choice([100, 50, 150, 250, 333, 1000])
    load = random.choice([1, 0.1, 0.3, 0.5, 0.7, 0.72, 0.8, 0.88, 0.9, 0.95, 1.05, 1.1, 1.3, 2, 5])
    spread = random.choice([(1, 1), (0.7, 1.3)])
    names = [f"p{i}" for i in range(max(0, replicas + random.choice([0, 0, 0, 0, 0, 0, 1, 2, -1, -2])))]
    pods = [pod(random, name, now=now, messy=messy, containers=containers, request_milli=request) for name in names]
    sampled = [name for name in names if not (messy and maybe(random, 0.15))]
    if messy and maybe(random, 0.1):
        sampled += random.choice([["stray"], ["stray", "stray2"]])
    random.shuffle(sampled)
    usage = lambda: max(0, int(request * load * random.uniform(*spread)))
    samples = [sample(random, name, now=now, messy=messy, containers=containers, cpu_milli=usage()) for name in sampled]
    value = lambda: random.choice([0, 1, 100, 250, 275, 900, 1100, random.randint(0, 5000), random.randint(0, 200_000)])
    metrics = {"podMetrics": {"items": samples}} | custom_and_external(random, spec, now=now, names=sampled, value=value)
    return {"pods": {"items": pods}, **some(random, 0.97, {key: lambda value=value: value for key, value in metrics.items()})}
