"""A platform on a Kubernetes cluster, as the tuner and the verbs see it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import pandas as pd

from scaleproof.cluster import pods
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.observer import Histograms, Observer, Watched
from scaleproof.cluster.recording import Recording
from scaleproof.cluster.running_policy import differences
from scaleproof.cluster.suspension import SYNC_SECONDS, Suspension
from scaleproof.cluster.trouble import Patience, Scene, troubles
from scaleproof.simulator.calibration import Stamp
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.platform import Platform
from scaleproof.spec.policy import Policy
from scaleproof.spec.quantity import milli_value
from scaleproof.tuner.ports import Observations, ServiceState

Document = dict[str, Any]

POLL_SECONDS: Final = 0.5
SCHEDULING_SECONDS: Final = 30.0
"""What the scheduler, the image and the sandbox may take beside a replica's own start."""


class KubernetesPlatform:
    """A running platform (`tuner.ports.TargetPlatform`): its Deployments and autoscalers are named as its services.

    It observes from `with` on (or `start`) until `close`: what happened before is not known. Every call raises
    CannotMeasureError where the cluster does not answer, or where something stands in the way of what is waited for.
    """

    name = "kube"

    def __init__(
        self,
        api: KubeApi,
        watched: Watched,
        platform: Platform,
        policy: Policy,
        *,
        apply_policy: Callable[[Policy], None],
        parse_gateway: Callable[[str], Histograms] | None = None,
        sync_seconds: float = SYNC_SECONDS,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`policy` runs already, `apply_policy` makes the cluster run another one (`pulumi up`).

        `sync_seconds` is the controller's sync period, `parse_gateway` reads a proxy's statistics (sources.envoy_stats).
        """
        self._api = api
        self._namespace = watched.namespace
        self._platform = platform
        self._policy = policy
        self._apply_policy = apply_policy
        self._clock = clock
        self._sleep = sleep
        self._recording = Recording()
        self._observer = Observer(api, watched, self._recording, parse_gateway=parse_gateway, clock=clock)
        self._suspension = Suspension(api, self._namespace, sync_seconds=sync_seconds, clock=clock, sleep=sleep)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Observe from now on. What an earlier process held and could not release is released first."""
        self._suspension.release(self._platform.services, forget=False)
        self._observer.start()

    def close(self) -> None:
        """Release what is held, and stop observing."""
        try:
            self._suspension.release(self._platform.services, forget=False)
        finally:
            self._observer.close()

    @property
    def policy(self) -> Policy:
        """The policy that was applied last."""
        return self._policy

    def check_running(self, file: str) -> None:
        """Raises CannotMeasureError where the cluster runs another policy than the one given; `file` is where that is written."""
        services = self._platform.services
        found = list(
            differences(
                self._policy,
                self._named("/apis/autoscaling/v2", "horizontalpodautoscalers", services),
                self._named("/apis/apps/v1", "deployments", services),
            )
        )
        if found:
            raise CannotMeasureError(
                f"the cluster does not run the policy of {file} ({'; '.join(found)})",
                hint="`scaleproof up --target kube` applies it",
            )

    def stamp(self) -> Stamp:
        """The nodes, the images that the replicas run, and the limits that kubelets enforce."""
        nodes = self._api.items("/api/v1/nodes")
        kinds = sorted(
            f"{info['architecture']}|{info['kubeletVersion']}|{info['containerRuntimeVersion']}|{info['kernelVersion']}|"
            f"{node['status']['capacity']['cpu']}|{round(_bytes(node) / 2**30)}"
            for node in nodes
            for info in [node["status"]["nodeInfo"]]
        )
        images = sorted(
            {
                f"{pods.view(pod).service} {status.get('imageID') or status['image']}"
                for pod in self._pods()
                for status in pod.get("status", {}).get("containerStatuses") or []
            }
        )
        return Stamp(
            machine=_digest(kinds),
            target=self.name,
            runtime="+".join(sorted({node["status"]["nodeInfo"]["containerRuntimeVersion"].split(":")[0] for node in nodes})),
            image=_digest(images),
            limits={
                name: f"{service.resources.limits.cpu}/{service.resources.limits.memory} by kubelet"
                for name, service in self._policy.services.items()
            },
            measured_at=self._clock(),
        )

    def apply(self, policy: Policy) -> None:
        """Make this the running policy. Returns when every replica has its resources and is ready."""
        self._suspension.release(self._platform.services, forget=False)
        self._apply_policy(policy)
        self._policy = policy
        self._recording.event(self._clock(), "policy_applied", "autoscaler", "", "")
        replaced = sum(max(service.autoscaling.max_replicas, 1) for service in policy.services.values())
        self._wait("the policy's resources", self._patience(replaced), self._not_rolled_out)

    def hold(self, replicas: Mapping[str, int]) -> None:
        """Suspend the autoscaler for these services and wait until exactly so many replicas are ready, none terminating."""
        if not replicas:
            return
        self._suspension.hold(replicas)

        def lacking() -> list[str]:
            states = self.states()
            return [
                f"{name} {states[name].ready} ready of {count} wanted, {states[name].total} there"
                for name, count in replicas.items()
                if not states[name].ready == states[name].total == count
            ]

        self._wait("the held replicas", self._patience(1), lacking)

    def release(self) -> None:
        """The autoscaler decides again, without memory: that takes up to one of its sync periods."""
        self._suspension.release(self._platform.services)

    def settle(self, timeout_seconds: float) -> None:
        """Wait until every service is at minReplicas, all ready, none terminating."""
        wanted = {name: service.autoscaling.min_replicas for name, service in self._policy.services.items()}

        def lacking() -> list[str]:
            states = self.states()
            return [
                f"{name} {states[name].ready} ready of {states[name].desired} wanted, minReplicas {count}"
                for name, count in wanted.items()
                if not states[name].ready == states[name].total == states[name].desired == count
            ]

        self._wait("the steady count", timeout_seconds, lacking)

    def states(self) -> Mapping[str, ServiceState]:
        """Every service now; terminating replicas still count as being there."""
        deployments = self._named("/apis/apps/v1", "deployments", self._platform.services)
        views = [pods.view(pod) for pod in self._pods()]
        found = {}
        for name in self._platform.services:
            mine = [seen for seen in views if seen.service == name and not (seen.finished and seen.deleted_at is None)]
            found[name] = ServiceState(
                desired=int(deployments.get(name, {"spec": {}})["spec"].get("replicas", 0)),
                ready=sum(seen.ready and seen.deleted_at is None for seen in mine),
                total=len(mine),
            )
        return found

    def observe(self, start: float, end: float) -> Observations:
        """What was seen between two Unix times, the generator's columns absent."""
        self._observer.look(self._clock(), everything=True)
        return Observations(tables=self._recording.between(start, end))

    def metric_samples(self, start: float, end: float) -> pd.DataFrame:
        """What metrics-server told the autoscaler, and when (`recording.METRIC_COLUMNS`)."""
        return self._recording.metric_samples(start, end)

    def spare_millicores(self) -> int:
        """CPU that the nodes' schedulers have for this platform's services: allocatable, less what others request."""
        allocatable = sum(milli_value(node["status"]["allocatable"]["cpu"]) for node in self._api.items("/api/v1/nodes"))
        mine = {pod["metadata"]["uid"] for pod in self._pods()}
        taken = 0
        for pod in self._api.items("/api/v1/pods"):
            if pod["metadata"]["uid"] not in mine and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
                for container in pod["spec"]["containers"]:
                    taken += milli_value(((container.get("resources") or {}).get("requests") or {}).get("cpu", "0"))
        return max(0, allocatable - taken)

    # --- joined from these ------------------------------------------------------------------------------------------

    def _pods(self) -> list[Document]:
        names = ",".join(sorted(self._platform.services))
        labels = f"{pods.SERVICE_LABEL} in ({names}),{pods.COMPONENT}"
        return self._api.items(f"/api/v1/namespaces/{self._namespace}/pods", labels=labels)

    def _named(self, group: str, plural: str, names: Mapping[str, Any]) -> dict[str, Document]:
        found = self._api.items(f"{group}/namespaces/{self._namespace}/{plural}")
        return {each["metadata"]["name"]: each for each in found if each["metadata"]["name"] in names}

    def _not_rolled_out(self) -> list[str]:
        lacking = []
        states = self.states()
        deployments = self._named("/apis/apps/v1", "deployments", self._platform.services)
        for name in self._platform.services:
            if name not in deployments:
                raise CannotMeasureError(
                    f"{name} has no Deployment in namespace {self._namespace}", hint="`scaleproof up --target kube` makes it"
                )
            status, wanted = deployments[name].get("status") or {}, deployments[name]["spec"].get("replicas", 1)
            seen = status.get("observedGeneration", 0) >= deployments[name]["metadata"].get("generation", 0)
            if not seen or status.get("updatedReplicas", 0) < wanted or not states[name].ready == states[name].total >= wanted:
                lacking.append(f"{name} {status.get('updatedReplicas', 0)} of {wanted} replaced, {states[name].ready} ready")
        return lacking

    def _patience(self, replacements: int) -> float:
        slowest = max(
            service.start_timeout_seconds + service.drain_seconds + SCHEDULING_SECONDS
            for service in self._platform.services.values()
        )
        return slowest * max(replacements, 1)

    def _wait(self, what: str, seconds: float, lacking: Callable[[], list[str]]) -> None:
        """Until nothing lacks. Something that stands in the way is said as soon as it is sure not to pass by itself."""
        deadline, patience = self._clock() + seconds, Patience()
        while missing := lacking():
            now = self._clock()
            scene = self._scene(now)
            in_the_way = patience.lasting(scene)
            if in_the_way is not None:
                raise CannotMeasureError(f"{what}: {in_the_way.message}", hint=in_the_way.hint)
            if now > deadline:
                why = troubles(scene)
                raise CannotMeasureError(
                    f"{what} was not reached within {seconds:.0f} s: {', '.join(missing)}"
                    + (f" ({why[0].message})" if why else ""),
                    hint=why[0].hint if why else f"see `kubectl -n {self._namespace} get pods,events`",
                )
            self._sleep(POLL_SECONDS)

    def _scene(self, now: float) -> Scene:
        base = f"/api/v1/namespaces/{self._namespace}"
        return Scene(now, self._api.items(f"{base}/pods"), self._api.items(f"{base}/events"))


def _bytes(node: Document) -> int:
    return milli_value(node["status"]["capacity"]["memory"]) // 1000


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
