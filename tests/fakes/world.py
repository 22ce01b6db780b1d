"""Two small services whose true behaviour is known, with platform, generator, store and rig around them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fakes.local_generator import FakeGenerator
from fakes.local_platform import FakePlatform
from fakes.progress import FakeProgress
from fakes.stack_file import FakeStackFile
from scaleproof.simulator.calibration import Calibration, Estimate, ServiceCalibration, Stamp
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.shapes import Shape, spike
from scaleproof.tuner.measure import Rig
from scaleproof.tuner.ports import LoadPlan

WEIGHTS = {"orders": 0.8, "dashboard": 0.2}
LOCUSTFILE = Path("loadtests/locustfile.py")


def exactly(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value)


def platform() -> Platform:
    resources = {"requests": {"cpu": "150m", "memory": "128Mi"}, "limits": {"cpu": "150m", "memory": "256Mi"}}
    service = {"command": ["true"], "resources": resources}
    return Platform.model_validate(
        {
            "version": 1,
            "name": "fake",
            "services": {
                "orders": {**service, "routes": ["/orders"], "slo": {"latency_ms": 300, "share": 0.95}},
                "dashboard": {
                    **service,
                    "routes": ["/dashboard"],
                    "calls": ["orders"],
                    "slo": {"latency_ms": 500, "share": 0.95},
                },
            },
        }
    )


def policy(*, orders: tuple[int, int] = (1, 4), dashboard: tuple[int, int] = (1, 2), target: int = 80) -> Policy:
    def service(least: int, most: int) -> dict[str, object]:
        return {
            "autoscaling": {
                "minReplicas": least,
                "maxReplicas": most,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}},
                    }
                ],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
            },
            "resources": {"requests": {"cpu": "150m", "memory": "128Mi"}, "limits": {"cpu": "150m", "memory": "256Mi"}},
        }

    return Policy.model_validate({"version": 1, "services": {"orders": service(*orders), "dashboard": service(*dashboard)}})


def service_truth(cpu: float, calls: dict[str, float], capacity: float) -> ServiceCalibration:
    return ServiceCalibration(
        cpu_seconds_per_request=exactly(cpu),
        cpu_variation=0.5,
        idle_cores=0.004,
        wait_seconds=exactly(0.003),
        capacity_per_second=exactly(capacity),
        usage_at_capacity_cores=0.14,
        memory_peak_bytes=100 * 2**20,
        request_millicores=150,
        limit_millicores=150,
        start_seconds=(4.0, 6.0),
        start_burn_cores=0.15,
        start_burn_seconds=5.0,
        calls=calls,
        highest_rate_per_replica=capacity,
        highest_replicas=4,
    )


def truth() -> Calibration:
    """Requests are dear, so that few of them fill a replica and tests stay quick without a compiler."""
    stamp = Stamp(
        machine="machine-1",
        target="local",
        image="image-1",
        limits={"orders": "150m/256Mi", "dashboard": "150m/256Mi"},
        measured_at=999_000.0,
    )
    return Calibration(
        stamp=stamp,
        slo={"orders": (0.3, 0.95), "dashboard": (0.5, 0.95)},
        services={
            "orders": service_truth(0.006, {}, 20.0),
            "dashboard": service_truth(0.008, {"orders": 0.5}, 15.0),
        },
    )


@dataclass
class World:
    platform: FakePlatform
    generator: FakeGenerator
    store: FakeStackFile
    progress: FakeProgress
    rig: Rig


def world(start: Policy | None = None) -> World:
    begin = start or policy()
    spec = platform()
    target = FakePlatform(truth=truth(), spec=spec, policy=begin)
    generator = FakeGenerator(target, WEIGHTS)
    progress = FakeProgress()
    rig = Rig(
        target=target,
        generator=generator,
        spec=spec,
        stack="dev",
        progress=progress,
        clock=target.clock,
        sleep=target.sleep,
        versions={"scaleproof": "0"},
    )
    return World(platform=target, generator=generator, store=FakeStackFile(begin), progress=progress, rig=rig)


def plan(*, users: int = 1200, shape: Shape | None = None, seed: int = 1) -> LoadPlan:
    """1,200 users who act every 20 s: 60 requests/s at the peak, 48 of them to orders."""
    return LoadPlan(
        users=users,
        shape=shape or spike(base=0.1, lead=15, rise=20, hold=60, fall=5, tail=100),
        seed=seed,
        think_seconds=(10.0, 30.0),
        locustfile=LOCUSTFILE,
    )
