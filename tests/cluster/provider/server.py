"""The gRPC server: Pulumi's provider protocol over objects and releases."""

# ruff: noqa: N802  the protocol's names

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from cluster.provider import properties
from cluster.provider.difference import differences, is_immutable, normalized, property_path, prune
from cluster.provider.objects import AUTONAMED, InitializationError, Objects, id_of, kind_of, named
from cluster.provider.releases import COMPARED, DEFAULT_TIMEOUT_SECONDS, HelmError, Releases
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from scaleproof.cluster.kube_api import connect
from scaleproof.spec.errors import ScaleproofError

RELEASE = "kubernetes:helm.sh/v3:Release"
VERSION = "4.34.2"
Document = dict[str, Any]


def answering(method: Callable[..., Any]) -> Callable[..., Any]:
    """What goes wrong becomes a gRPC status; an object that is there but not ready is kept in the engine's state."""

    @functools.wraps(method)
    def call(self: Provider, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except InitializationError as error:
            detail = any_pb2.Any()
            live = {key: value for key, value in error.live.items() if key != "status"}
            news = getattr(request, "news", None) or getattr(request, "properties", None)
            detail.Pack(
                provider_pb2.ErrorResourceInitFailed(
                    id=id_of(error.live),
                    properties=properties.write(live, _secret_places(live)),
                    reasons=[error.reason],
                    inputs=news,
                )
            )
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=error.reason, details=[detail])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.UNKNOWN, error.reason)
        except (ScaleproofError, HelmError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return call


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One server answers for every provider resource of a program, so all of them must name the same cluster."""

    def __init__(self, helm: str = "helm") -> None:
        self._helm = helm
        self._configured = threading.Lock()
        self._arguments: Document | None = None
        self.objects: Objects | None = None
        self.releases: Releases | None = None

    # --- the provider itself ----------------------------------------------------------------------------------------

    def Handshake(self, request, context):
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=False)

    def Attach(self, request, context):
        return empty_pb2.Empty()

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request, context):
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    @answering
    def Configure(self, request, context):
        arguments, _ = properties.read(request.args)
        arguments = {**{key.rpartition(":")[2]: value for key, value in request.variables.items()}, **arguments}
        with self._configured:
            if arguments != self._arguments or self.objects is None:
                self._connect(arguments)
                self._arguments = arguments
            # A new engine run begins: an earlier run's cancellation is over.
            self.objects.cancelled.clear()
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Cancel(self, request, context):
        if self.objects is not None and self.releases is not None:
            self.objects.cancelled.set()
            self.releases.cancel()
        return empty_pb2.Empty()

    def _connect(self, arguments: Document) -> None:
        kubeconfig = arguments.get("kubeconfig") or os.environ.get("KUBECONFIG")
        file = Path(kubeconfig) if kubeconfig and "\n" not in kubeconfig and not kubeconfig.startswith("{") else None
        if kubeconfig and file is None:
            descriptor, name = tempfile.mkstemp(prefix="test-provider-")
            os.write(descriptor, kubeconfig.encode())
            os.close(descriptor)
            file = Path(name)
        namespace = arguments.get("namespace") or "default"
        self.objects = Objects(connect(file, arguments.get("context")), namespace)
        self.releases = Releases(self._helm, file, arguments.get("context"), namespace)

    # --- resources --------------------------------------------------------------------------------------------------

    @answering
    def Check(self, request, context):
        olds, _ = properties.read(request.olds)
        news, secrets = properties.read(request.news)
        if kind_of(request.urn) == RELEASE:
            news = self.releases.checked(news, olds, request.urn, request.randomSeed)
        else:
            checked = self.objects.placed(named(normalized(news), olds, request.urn, request.randomSeed))
            if "stringData" in news:
                secrets = {("data", *place[1:]) if place[0] == "stringData" else place for place in secrets}
            news = checked
        return provider_pb2.CheckResponse(inputs=properties.write(news, secrets))

    @answering
    def Diff(self, request, context):
        olds, _ = properties.read(request.olds)
        old_inputs, _ = properties.read(request.old_inputs)
        news, _ = properties.read(request.news)
        release = kind_of(request.urn) == RELEASE
        if release:
            base = {key: olds.get(key) for key in COMPARED if key in olds}
            new = {key: news.get(key) for key in COMPARED if key in news}
        else:
            news, old_inputs = normalized(news), normalized(old_inputs)
            base, new = prune(olds, old_inputs), news
        found = dict(differences(base, new))
        ignored = [_parsed(path) for path in request.ignoreChanges]
        found = {place: kind for place, kind in found.items() if not any(place[: len(each)] == each for each in ignored)}
        return self._difference(found, olds, news, release=release)

    def _difference(self, found: dict[Any, str], olds: Document, news: Document, *, release: bool) -> Any:
        kinds = provider_pb2.PropertyDiff.Kind
        detailed, replaces = {}, []
        for place, kind in found.items():
            path = property_path(place)
            immutable = place[0] in {"name", "namespace"} if release else is_immutable(news, place)
            if immutable:
                replaces.append(path)
            name = f"{kind.upper()}_REPLACE" if immutable else kind.upper()
            detailed[path] = provider_pb2.PropertyDiff(kind=kinds.Value(name))
        if release:
            same_name = True
        else:
            autonamed = news["metadata"].get("annotations", {}).get(AUTONAMED) == "true"
            same_name = not autonamed and id_of(news) == id_of(olds)
        some = provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some,
            diffs=sorted({str(place[0]) for place in found}),
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and same_name,
            detailedDiff=detailed,
            hasDetailedDiff=True,
        )

    @answering
    def Create(self, request, context):
        inputs, secrets = properties.read(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        if kind_of(request.urn) == RELEASE:
            inputs = {**inputs, "timeout": inputs.get("timeout") or request.timeout or DEFAULT_TIMEOUT_SECONDS}
            live = self.releases.install(inputs)
            return provider_pb2.CreateResponse(
                id=f"{inputs['namespace']}/{inputs['name']}", properties=properties.write(live, secrets)
            )
        live = self.objects.create(inputs, request.timeout)
        return provider_pb2.CreateResponse(id=id_of(live), properties=_state(live, secrets))

    @answering
    def Read(self, request, context):
        olds, _ = properties.read(request.properties)
        inputs, secrets = properties.read(request.inputs)
        namespace, _, name = request.id.rpartition("/")
        if kind_of(request.urn) == RELEASE:
            found = self.releases.read(name, namespace)
            if found is None:
                return provider_pb2.ReadResponse()
            state = {**olds, **found}
            live_inputs = {**inputs, **({"values": found["values"]} if "values" in inputs or found["values"] else {})}
            return provider_pb2.ReadResponse(
                id=request.id, properties=properties.write(state, secrets), inputs=properties.write(live_inputs, secrets)
            )
        document = olds or inputs or _named_by(request.urn, name, namespace)
        live = self.objects.read(document)
        if live is None:
            return provider_pb2.ReadResponse()
        live_inputs = prune(live, normalized(inputs)) if inputs else normalized(live)
        return provider_pb2.ReadResponse(
            id=id_of(live), properties=_state(live, secrets), inputs=properties.write(live_inputs, secrets)
        )

    @answering
    def Update(self, request, context):
        olds, _ = properties.read(request.olds)
        news, secrets = properties.read(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=properties.write({**olds, **news}, secrets))
        if kind_of(request.urn) == RELEASE:
            news = {**news, "timeout": news.get("timeout") or request.timeout or DEFAULT_TIMEOUT_SECONDS}
            return provider_pb2.UpdateResponse(properties=properties.write(self.releases.install(news), secrets))
        ignored = [_parsed(path) for path in request.ignoreChanges]
        live = self.objects.update(news, olds, request.timeout, ignored)
        return provider_pb2.UpdateResponse(properties=_state(live, secrets))

    @answering
    def Delete(self, request, context):
        document, _ = properties.read(request.properties)
        namespace, _, name = request.id.rpartition("/")
        if kind_of(request.urn) == RELEASE:
            self.releases.uninstall(name, namespace, int(request.timeout) or DEFAULT_TIMEOUT_SECONDS)
        else:
            self.objects.delete(document, request.timeout)
        return empty_pb2.Empty()


def serve(helm: str = "helm", port: int = 0) -> tuple[grpc.Server, int]:
    """A server on loopback that has started, and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[("grpc.max_receive_message_length", 400 * 2**20)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(helm), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


def _state(live: Document, secrets: set[properties.Path]) -> Any:
    state = {key: value for key, value in live.items() if value is not None}
    return properties.write(state, secrets | _secret_places(state))


def _secret_places(live: Document) -> set[properties.Path]:
    return {("data",)} if live.get("kind") == "Secret" and live.get("data") else set()


def _named_by(urn: str, name: str, namespace: str) -> Document:
    """Enough to read an object that the program only names: group, version and kind are in the URN."""
    _, module, kind = kind_of(urn).split(":")
    group, _, version = module.rpartition("/")
    api_version = version if group == "core" else f"{group}/{version}"
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
    }


def _parsed(path: str) -> properties.Path:
    """Pulumi's property path as parts."""
    parts: list[str | int] = []
    rest = path
    while rest:
        if rest.startswith('["'):
            part, _, rest = rest[2:].partition('"]')
            parts.append(part)
        elif rest.startswith("["):
            part, _, rest = rest[1:].partition("]")
            parts.append(int(part) if part.isdigit() else part)
        else:
            rest = rest.removeprefix(".")
            end = min((at for at in (rest.find("."), rest.find("[")) if at > 0), default=len(rest))
            parts.append(rest[:end])
            rest = rest[end:]
    return tuple(parts)
