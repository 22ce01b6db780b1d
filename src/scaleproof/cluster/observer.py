"""Looks at a cluster at several paces and fills a recording: pods each second, counters and statuses as often as they change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from scaleproof.cluster import autoscaler_view, pods
from scaleproof.cluster.kube_api import KubeApi
from scaleproof.cluster.metric_texts import read_cadvisor, read_process
from scaleproof.cluster.recording import Recording
from scaleproof.cluster.trouble import happened_at
from scaleproof.spec.errors import CannotMeasureError
from scaleproof.spec.quantity import byte_value, parse_quantity

Document = dict[str, Any]
Histograms = Mapping[str, Sequence[tuple[float, int]]]

OWN_SECONDS: Final = 1.0
KUBELET_SECONDS: Final = 5.0
METRICS_SECONDS: Final = 3.0
EVENTS_SECONDS: Final = 3.0
GATEWAY_SECONDS: Final = 1.0
SCRAPE_TIMEOUT_SECONDS: Final = 3.0
SCRAPES_AT_ONCE: Final = 8
WORTH_KEEPING: Final = ("Warning",)
ENVOY_FILTER: Final = "usedonly&filter=upstream_rq_time"
"""All of a proxy's statistics would be a megabyte each second."""


@dataclass(frozen=True)
class Watched:
    """What of a cluster is looked at."""

    namespace: str
    ports: Mapping[str, int]
    """Service → port of its replicas, whose `/metrics` may tell of the process."""
    gateway_namespace: str = ""
    gateway_labels: str = ""
    """Label selector of the gateway's proxies; empty: there are none."""
    gateway_port: int = 19001
    """Where a proxy tells its statistics (Envoy Gateway: 19001)."""


class Observer:
    """A thread that looks; or, in tests, `look` called by hand. What a source does not answer is simply not known."""

    def __init__(
        self,
        api: KubeApi,
        watched: Watched,
        recording: Recording,
        *,
        parse_gateway: Callable[[str], Histograms] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._watched = watched
        self._recording = recording
        self._parse_gateway = parse_gateway
        self._clock = clock
        self._due: dict[str, float] = {}
        self._seen: dict[str, pods.PodView] = {}
        self._was_ready: set[str] = set()
        self._silent: set[str] = set()
        """Pods whose process has no metrics: not asked again."""
        self._decided: dict[str, str] = {}
        self._events_known: set[str] = set()
        self._began = clock()
        self._looked = self._began
        """When it last looked: Kubernetes tells whole seconds, and what is new now was not so then."""
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(SCRAPES_AT_ONCE, thread_name_prefix="scrape")
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self.failure: CannotMeasureError | None = None
        """Why the cluster was last not seen; None while it is."""

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * SCRAPE_TIMEOUT_SECONDS)
        self._pool.shutdown(cancel_futures=True)

    def look(self, now: float, *, everything: bool = False) -> None:
        """Whatever is due. Raises CannotMeasureError where the cluster does not answer."""
        with self._looking:
            self._look(now, everything=everything)

    def _look(self, now: float, *, everything: bool) -> None:
        self._pods(now)
        for name, seconds, job in (
            ("autoscalers", OWN_SECONDS, self._autoscalers),
            ("own", OWN_SECONDS, self._processes),
            ("gateway", GATEWAY_SECONDS, self._gateway),
            ("kubelet", KUBELET_SECONDS, self._kubelets),
            ("metrics", METRICS_SECONDS, self._metrics),
            ("events", EVENTS_SECONDS, self._events),
        ):
            if everything or now >= self._due.get(name, now):
                self._due[name] = now + seconds - 0.05
                job(now)

    def _run(self) -> None:
        tick = time.monotonic()
        while not self._stop.is_set():
            try:
                self.look(self._clock())
                self.failure = None
            except CannotMeasureError as error:
                self.failure = error
            # Rows keep to the second, however long a look takes.
            tick = max(tick + 1.0, time.monotonic() - 1.0)
            self._stop.wait(max(0.0, tick - time.monotonic()))

    # --- one source each --------------------------------------------------------------------------------------------

    def _pods(self, now: float) -> None:
        found = self._api.items(f"/api/v1/namespaces/{self._watched.namespace}/pods", cached=True)
        views: dict[str, pods.PodView] = {}
        for pod in found:
            seen = pods.view(pod)
            component = (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/component", "")
            if seen.service in self._watched.ports and component in {"", "service"} and not seen.finished:
                views[seen.name] = seen
            elif seen.service not in self._watched.ports:
                self._recording.groups[seen.name] = "datastores"
        for seen in views.values():
            self._note_changes(seen, now)
            state = seen.state(was_ready=seen.name in self._was_ready)
            if seen.ready:
                self._was_ready.add(seen.name)
            self._recording.state(now, seen.service, seen.name, state)
        for name in self._seen.keys() - views.keys():
            self._recording.event(now, "stopped", self._seen[name].service, name, "gone")
        self._seen, self._looked = views, now

    def _note_changes(self, seen: pods.PodView, now: float) -> None:
        before = self._seen.get(seen.name)
        event = self._recording.event
        if before is None:
            if seen.created_at >= self._began - 1:
                event(max(seen.created_at, self._looked), "created", seen.service, seen.name, "")
            if seen.started_at is not None:
                self._recording.kubelet[seen.name].add(seen.started_at, 0.0)
        if seen.ready and not (before is not None and before.ready):
            moment = seen.ready_at or now
            if moment >= self._began - 1:
                event(max(moment, self._looked), "ready", seen.service, seen.name, "")
        if seen.deleted_at is not None and (before is None or before.deleted_at is None):
            event(min(seen.deleted_at, now), "draining", seen.service, seen.name, "")
        if before is not None and seen.restarts > before.restarts:
            kind = "oom_killed" if seen.last_end == "OOMKilled" else "crashed"
            event(now, kind, seen.service, seen.name, seen.last_end or "ended")
            event(now, "restarted", seen.service, seen.name, f"restart {seen.restarts}")

    def _autoscalers(self, now: float) -> None:
        path = f"/apis/autoscaling/v2/namespaces/{self._watched.namespace}/horizontalpodautoscalers"
        for autoscaler in self._api.items(path, cached=True):
            version = f"{autoscaler['metadata'].get('uid')}/{autoscaler['metadata'].get('resourceVersion')}"
            name = autoscaler["metadata"]["name"]
            seen = autoscaler_view.view(autoscaler)
            if seen is None or seen.service not in self._watched.ports or self._decided.get(name) == version:
                continue
            if name in self._decided or seen.current_replicas:
                self._recording.decision(seen.row(now))
            self._decided[name] = version

    def _processes(self, now: float) -> None:
        del now
        asked = [seen for seen in self._seen.values() if seen.name not in self._silent and seen.started_at is not None]
        list(self._pool.map(self._process, [seen for seen in asked if seen.ready or seen.name not in self._was_ready]))

    def _process(self, seen: pods.PodView) -> None:
        port = self._watched.ports[seen.service]
        path = f"/api/v1/namespaces/{self._watched.namespace}/pods/{seen.name}:{port}/proxy/metrics"
        begun = self._clock()
        text = self._quietly(path)
        if text is None:
            return
        reading = read_process(text)
        if reading is None:
            self._silent.add(seen.name)
            return
        cpu_seconds, memory_bytes = reading
        if not self._recording.own[seen.name].readings and seen.started_at is not None:
            # What it burned since its pod was started belongs to its start-up.
            self._recording.own[seen.name].add(seen.started_at, 0.0)
        self._recording.own[seen.name].add((begun + self._clock()) / 2, cpu_seconds)
        self._recording.memory(seen.name, memory_bytes)

    def _kubelets(self, now: float) -> None:
        for node in self._api.items("/api/v1/nodes", cached=True):
            name = node["metadata"]["name"]
            text = self._quietly(f"/api/v1/nodes/{name}/proxy/metrics/cadvisor")
            if text is None:
                continue
            found = read_cadvisor(text, now)
            self._recording.node_cores[name] = found.cores or float(parse_quantity(node["status"]["capacity"]["cpu"]))
            if found.at:
                self._recording.nodes[name].add(found.at, found.cpu_seconds)
            for (namespace, pod), reading in found.pods.items():
                if namespace not in {self._watched.namespace, self._watched.gateway_namespace}:
                    continue
                if reading.at:
                    self._recording.kubelet[pod].add(reading.at, reading.cpu_seconds)
                    self._recording.throttled[pod].add(reading.at, reading.throttled_seconds)
                self._recording.memory(pod, reading.memory_bytes)

    def _metrics(self, now: float) -> None:
        try:
            found = self._api.get(f"/apis/metrics.k8s.io/v1beta1/namespaces/{self._watched.namespace}/pods")
        except CannotMeasureError:
            return
        for entry in found.get("items") or []:
            pod = entry["metadata"]["name"]
            if pod not in self._seen:
                continue
            at, window = pods.seconds(entry["timestamp"]), _window_seconds(entry["window"])
            cores = sum(float(parse_quantity(each["usage"]["cpu"])) for each in entry["containers"])
            memory = sum(byte_value(each["usage"]["memory"]) for each in entry["containers"])
            if at > self._recording.metrics[pod].last_at:
                self._recording.metrics[pod].add_mean(at, window, cores)
                self._recording.metric((now, pod, at, window, cores, memory))

    def _gateway(self, now: float) -> None:
        watched = self._watched
        if self._parse_gateway is None or not watched.gateway_labels:
            return
        total: dict[str, dict[float, int]] = {}
        collection = f"/api/v1/namespaces/{watched.gateway_namespace}/pods"
        for pod in self._api.items(collection, labels=watched.gateway_labels, cached=True):
            name = pod["metadata"]["name"]
            self._recording.groups[name] = "gateway"
            text = self._quietly(f"{collection}/{name}:{watched.gateway_port}/proxy/stats/prometheus?{ENVOY_FILTER}")
            for service, buckets in (self._parse_gateway(text) if text else {}).items():
                series = total.setdefault(service, {})
                for bound, count in buckets:
                    series[bound] = series.get(bound, 0) + count
        self._recording.histogram(now, {service: sorted(series.items()) for service, series in total.items()})

    def _events(self, now: float) -> None:
        del now
        for event in self._api.items(f"/api/v1/namespaces/{self._watched.namespace}/events", cached=True):
            key = f"{event['metadata'].get('uid')}/{event['metadata'].get('resourceVersion')}"
            moment = happened_at(event)
            if key in self._events_known or moment < self._began:
                continue
            self._events_known.add(key)
            involved = event.get("involvedObject", {})
            rescaled = event.get("reason") == "SuccessfulRescale"
            if rescaled or event.get("type") in WORTH_KEEPING:
                is_pod = involved.get("kind") == "Pod"
                name = str(involved.get("name", ""))
                service = self._seen[name].service if name in self._seen else name
                kind = "rescaled" if rescaled else "warning"
                message = f"{event.get('reason', '')}: {event.get('message', '')}"
                self._recording.event(moment, kind, service, name if is_pod else "", message)

    def _quietly(self, path: str) -> str | None:
        """What a proxied endpoint says; None where it is busy, gone or forbidden."""
        try:
            return self._api.text(path, timeout_seconds=SCRAPE_TIMEOUT_SECONDS)
        except CannotMeasureError:
            return None


def _window_seconds(text: str) -> float:
    """A Go duration as metrics-server writes it, such as 15.029s or 1m0s."""
    minutes, _, rest = text.rpartition("m") if "m" in text and not text.endswith("ms") else ("", "", text)
    return 60 * float(minutes or 0) + float(rest.rstrip("s") or 0)
