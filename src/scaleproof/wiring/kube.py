"""Any Kubernetes cluster: the stack through Pulumi's engine, the load from pods, the real autoscaler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaleproof.components.platform_inputs import PlatformInputs, check
from scaleproof.spec.errors import BadInputError, CannotMeasureError, ExitCode
from scaleproof.wiring.outcome import show_logs, show_status
from scaleproof.wiring.session import open_progress, uninterrupted, versions
from scaleproof.wiring.target import Session

if TYPE_CHECKING:
    from scaleproof.cluster.kube_api import KubeApi
    from scaleproof.cluster.kube_platform import KubernetesPlatform
    from scaleproof.cluster.observer import Watched
    from scaleproof.cluster.preflight import Plan
    from scaleproof.cluster.stack import Changes, KubeStack
    from scaleproof.load.distributed import DistributedGenerator
    from scaleproof.telemetry.live import Reading
    from scaleproof.tuner.ports import Progress

GATEWAY_SECONDS = 120.0
"""How long Envoy Gateway may take to have its proxies running."""


@dataclass(frozen=True)
class KubeTarget:
    """`--target kube` (`wiring.target.Target`): the cluster of $KUBECONFIG, as kubectl and Pulumi understand it."""

    folder: Path
    stack: str
    inputs: PlatformInputs
    state: Path

    @classmethod
    def of(cls, folder: Path, stack: str, state: Path) -> KubeTarget:
        """Raises BadInputError where platform.yaml and the stack's `scaleproof:kubernetes` do not make a platform."""
        return cls(folder, stack, check(folder, stack), state)

    @property
    def name(self) -> str:
        """As `Target.name`."""
        return "kube"

    @property
    def url(self) -> str:
        """As `Target.url`."""
        return self._gateway_url

    @property
    def start_command(self) -> str:
        """As `Target.start_command`."""
        return f"scaleproof up --target kube --stack {self.stack}"

    def up(self, *, attach: bool) -> int:
        """`pulumi up`; returns when users could come."""
        if attach:
            raise BadInputError("--attach is for --target local: a cluster's platform does not end with this process")
        with self._api() as api, open_progress() as progress:
            outputs = self._up(api, progress)
            progress.say(f"up: {outputs['gatewayUrl']}")
        click.echo(f"take it down with: scaleproof down --target kube --stack {self.stack}")
        return ExitCode.OK

    def preview(self, *, refresh: bool) -> int:
        """What `up` would change; 1 where anything would (as `pulumi preview --expect-no-changes` fails on drift)."""
        with self._api(), open_progress() as progress:
            changes = self._stack().preview(progress, refresh=refresh)
        return self._show(changes)

    def refresh(self) -> int:
        """Read the cluster into the stack's state; 1 where it differed."""
        with self._api(), open_progress() as progress:
            changes = self._stack().refresh(progress)
        return self._show(changes)

    def status(self, *, as_json: bool) -> int:
        """Print what runs."""
        from scaleproof.cluster.stack_status import stack_status

        with self._api() as api:
            state = stack_status(api, self.inputs.namespace, self.inputs.platform, self._gateway_url)
        absent = f"stack {self.stack} does not run; start it with: {self.start_command}"
        return show_status(state, as_json=as_json, absent=absent)

    def logs(self, component: str | None, lines: int) -> int:
        """Print the last lines of each pod of the platform, or of those of one component."""
        from scaleproof.cluster.stack_status import pod_logs

        with self._api() as api:
            found = pod_logs(api, self.inputs.namespace, component, lines)
        return show_logs(found)

    def down(self) -> int:
        """`pulumi destroy`."""
        with self._api(), open_progress() as progress:
            was_up = self._stack().down(progress)
        click.echo(f"stack {self.stack} is down" if was_up else f"stack {self.stack} was not up; nothing is left of it")
        return ExitCode.OK

    @contextmanager
    def watching(self) -> Iterator[Callable[[float], Reading | None]]:
        """As `Target.watching`."""
        from scaleproof.cluster.live import gateway_texts, service_readings
        from scaleproof.cluster.stack_status import stack_runs
        from scaleproof.load.live import LoadWatch
        from scaleproof.sources.envoy_stats import CLUSTERS, added, parse_served
        from scaleproof.telemetry.live import Reading

        load, watched = LoadWatch(self.state / "load"), self._watched()
        patterns = self._cluster_patterns
        with self._api() as api:

            def look(now: float) -> Reading | None:
                if not stack_runs(api, self.inputs.namespace):
                    return None
                texts = gateway_texts(api, watched)
                gateway = added(parse_served(text, CLUSTERS, patterns) for text in texts)
                return Reading(now, service_readings(api, watched), gateway, load.read(now))

            yield look

    @contextmanager
    def session(self, *, start: bool = False, keep: bool = False) -> Iterator[Session]:
        """As `Target.session`."""
        from scaleproof.cluster.stack_status import cluster_facts, stack_runs
        from scaleproof.tuner.measure import Rig

        with self._api() as api, open_progress() as progress:
            running = stack_runs(api, self.inputs.namespace)
            if not (start or running):
                raise CannotMeasureError(
                    f"stack {self.stack} does not run on this cluster",
                    hint=f"start it with: {self.start_command}",
                )
            generator = self._generator(api)
            if not running:
                self._up(api, progress)
            stack = self._stack()
            try:
                with self._platform(api, stack, progress) as target:
                    target.check_running(f"Pulumi.{self.stack}.yaml")
                    rig = Rig(
                        target=target,
                        generator=generator,
                        spec=self.inputs.platform,
                        stack=self.stack,
                        progress=progress,
                        versions=versions(),
                        machine=cluster_facts(api),
                    )
                    yield Session(rig, target.policy, target.spare_millicores())
            finally:
                if not (running or keep):
                    with uninterrupted():
                        stack.down(progress)

    # --- joined from these ------------------------------------------------------------------------------------------

    def _show(self, changes: Changes) -> int:
        for change in changes.resources:
            click.echo(f"  {change}")
        click.echo(f"stack {self.stack}: {changes}")
        return ExitCode.VERDICT_NO if changes.any else ExitCode.OK

    @contextmanager
    def _api(self) -> Iterator[KubeApi]:
        from scaleproof.cluster.kube_api import connect

        api = connect()
        try:
            yield api
        finally:
            api.close()

    def _stack(self) -> KubeStack:
        from scaleproof.cluster.stack import KubeStack
        from scaleproof.components.platform import program

        return KubeStack(self.folder, self.stack, partial(program, self.folder.absolute()))

    def _plan(self) -> Plan:
        from scaleproof.cluster.preflight import Plan

        installs = self.inputs.settings.gateway.controller == "install"
        return Plan(self.inputs.platform, self.inputs.policy, self.inputs.namespace, installs_gateway=installs)

    @property
    def _namespaces(self) -> list[str]:
        """Those whose pods could stand in the way."""
        load = [self.inputs.load_namespace] if self.inputs.settings.load_test.enabled else []
        return [self.inputs.namespace, self.inputs.settings.gateway.namespace, *load]

    @property
    def _gateway_url(self) -> str:
        from scaleproof.components.api_gateway import gateway_url
        from scaleproof.components.platform_parts import gateway_args

        return gateway_url(gateway_args(self.inputs))

    def _up(self, api: KubeApi, progress: Progress) -> dict[str, Any]:
        from scaleproof.cluster.gateway_ready import await_gateways
        from scaleproof.cluster.preflight import check as check_cluster
        from scaleproof.cluster.rollout import bring_up

        # Before the engine is asked for: what the cluster lacks is worth knowing first.
        check_cluster(api, self._plan())
        try:
            outputs = bring_up(api, self._stack(), self._namespaces, progress)
            await_gateways(api, self.inputs.namespace, progress, seconds=GATEWAY_SECONDS)
        except KeyboardInterrupt:
            verb = f"--target kube --stack {self.stack}"
            progress.say(
                f"stack {self.stack} is partly up: `scaleproof up {verb}` goes on from here, `scaleproof down {verb}` removes it"
            )
            raise
        return outputs

    def _platform(self, api: KubeApi, stack: KubeStack, progress: Progress) -> KubernetesPlatform:
        from scaleproof.cluster.kube_platform import KubernetesPlatform
        from scaleproof.cluster.rollout import applier
        from scaleproof.sources.envoy_stats import parse_clusters

        return KubernetesPlatform(
            api,
            self._watched(),
            self.inputs.platform,
            self.inputs.policy,
            apply_policy=applier(api, stack, self._plan(), self._namespaces, progress),
            parse_gateway=partial(parse_clusters, cluster_patterns=self._cluster_patterns),
        )

    @property
    def _cluster_patterns(self) -> dict[str, str]:
        """A cluster's series are named after the rule of the route, and the rule after its service."""
        return {name: name for name in self.inputs.platform.services}

    def _watched(self) -> Watched:
        from scaleproof.cluster.observer import Watched
        from scaleproof.components.gateway_routes import PUBLIC

        labels = {
            "gateway.envoyproxy.io/owning-gateway-name": PUBLIC,
            "gateway.envoyproxy.io/owning-gateway-namespace": self.inputs.namespace,
        }
        return Watched(
            self.inputs.namespace,
            {name: service.port for name, service in self.inputs.platform.services.items()},
            gateway_namespace=self.inputs.settings.gateway.namespace,
            gateway_labels=",".join(f"{name}={value}" for name, value in labels.items()),
        )

    def _generator(self, api: KubeApi) -> DistributedGenerator:
        from scaleproof.cluster.pod_command import prepare_load
        from scaleproof.components.load_test import RELEASE
        from scaleproof.load.distributed import DistributedGenerator
        from scaleproof.load.pod_exec import KubeGeneratorPods

        if not self.inputs.settings.load_test.enabled:
            raise BadInputError(
                f"Pulumi.{self.stack}.yaml: the stack has no load generator",
                hint="set `scaleproof:kubernetes: {load_test: {enabled: true}}`, then `scaleproof up --target kube`",
            )
        pods = KubeGeneratorPods(api.client, self.inputs.load_namespace, RELEASE)
        prepare = self.inputs.platform.load.prepare
        return DistributedGenerator(
            self._gateway_url,
            self.inputs.platform,
            self.state / "load",
            pods,
            prepare=partial(prepare_load, api, self.inputs.namespace, prepare) if prepare is not None else None,
        )
