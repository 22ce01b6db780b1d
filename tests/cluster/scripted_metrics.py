"""A metrics.k8s.io API whose samples a test makes up. Who asked when, and what it was told, is kept."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gateway.upstream import JsonHandler

GROUP = "metrics.k8s.io"
VERSION = f"{GROUP}/v1beta1"
Sample = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One question of the controller: for the pods of that selector, at that time (Unix nanoseconds), and the answer."""

    time: int
    selector: str
    samples: list[Sample]


@dataclass
class ScriptedMetrics:
    """HTTPS on an address of the cluster's network. `samples(selector)` makes up an answer.

    Questions for one selector that come within `together` seconds are one reconciliation (one question a metric): they get the
    same answer, and are kept once.
    """

    address: str
    folder: Path
    samples: Callable[[str], list[Sample]]
    together: float = 3.0
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        metrics = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:  # noqa: N802  the library calls it so
                url = urlsplit(self.path)
                if url.path == f"/apis/{VERSION}":
                    pods = {
                        "name": "pods",
                        "singularName": "",
                        "namespaced": True,
                        "kind": "PodMetrics",
                        "verbs": ["get", "list"],
                    }
                    told = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION, "resources": [pods]}
                elif url.path.startswith(f"/apis/{VERSION}/namespaces/") and url.path.endswith("/pods"):
                    selector = parse_qs(url.query).get("labelSelector", [""])[0]
                    items = metrics.answer(selector)
                    told = {"kind": "PodMetricsList", "apiVersion": VERSION, "metadata": {}, "items": items}
                else:
                    self.send_error(404)
                    return
                self.answer(json.dumps(told).encode())

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((self.address, 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(self.address, self.folder))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def answer(self, selector: str) -> list[Sample]:
        now = time.time_ns()
        with self._lock:
            last = next((each for each in reversed(self.asked) if each.selector == selector), None)
            if last is None or now - last.time > self.together * 1e9:
                last = Asked(now, selector, self.samples(selector))
                self.asked.append(last)
        return last.samples


def _certificate(address: str, folder: Path) -> Path:
    """Key and certificate in one file, valid for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scripted-metrics")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "scripted-metrics.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
