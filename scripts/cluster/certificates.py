"""A small certificate authority: one key pair a component, each with the name that RBAC knows it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.cluster.commands import run
from scripts.cluster.places import API_SERVICE_ADDRESS, NODE_ADDRESS, NODE_NAME

DAYS = 30
"""Longer than any test, shorter than anybody would rely on."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What openssl is asked for. `names` are DNS names or IP addresses the holder serves under; none for a pure client."""

    file: str
    common_name: str
    organisation: str | None = None
    names: tuple[str, ...] = ()
    client: bool = True
    authority: str = "ca"

    @property
    def subject(self) -> str:
        """As openssl writes it."""
        return (f"/O={self.organisation}" if self.organisation else "") + f"/CN={self.common_name}"

    @property
    def extensions(self) -> str:
        """The X.509 v3 extensions, one a line."""
        usages = [*(["clientAuth"] if self.client else []), *(["serverAuth"] if self.names else [])]
        lines = ["basicConstraints=CA:FALSE", "keyUsage=digitalSignature", f"extendedKeyUsage={','.join(usages)}"]
        if self.names:
            kinds = [f"{'IP' if name.replace('.', '').isdecimal() else 'DNS'}:{name}" for name in self.names]
            lines.append(f"subjectAltName={','.join(kinds)}")
        return "\n".join(lines) + "\n"


AUTHORITIES = ("ca", "front-proxy-ca", "etcd-ca")
"""etcd and the front proxy trust nobody else: who holds a client certificate of the cluster must not get past the API server."""

API_NAMES = (
    "127.0.0.1",
    NODE_ADDRESS,
    API_SERVICE_ADDRESS,
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)

CERTIFICATES = (
    Certificate(file="apiserver", common_name="kube-apiserver", names=API_NAMES, client=False),
    Certificate(file="apiserver-kubelet", common_name="kube-apiserver-kubelet-client", organisation="system:masters"),
    Certificate(file="apiserver-etcd", common_name="kube-apiserver", authority="etcd-ca"),
    Certificate(file="etcd", common_name="etcd", names=("127.0.0.1",), authority="etcd-ca"),
    Certificate(file="front-proxy", common_name="front-proxy-client", authority="front-proxy-ca"),
    Certificate(file="admin", common_name="kubernetes-admin", organisation="system:masters"),
    Certificate(file="controller-manager", common_name="system:kube-controller-manager"),
    Certificate(file="scheduler", common_name="system:kube-scheduler"),
    Certificate(file="proxy", common_name="system:kube-proxy"),
    Certificate(
        file="kubelet", common_name=f"system:node:{NODE_NAME}", organisation="system:nodes", names=(NODE_ADDRESS, NODE_NAME)
    ),
)

CLIENTS = {
    "admin": "admin",
    "controller-manager": "controller-manager",
    "scheduler": "scheduler",
    "proxy": "proxy",
    "kubelet": "kubelet",
}
"""Kubeconfigs: name of the file → certificate."""


def issue_all(folder: Path) -> None:
    """Make the authorities, the certificates and the key that signs service accounts' tokens. Replaces what is there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in AUTHORITIES:
        new_key(folder / f"{name}.key")
        request = ["openssl", "req", "-x509", "-new", "-key", folder / f"{name}.key", "-subj", f"/CN=scaleproof-test-{name}"]
        run([*request, "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", str(DAYS), "-out", folder / f"{name}.crt"])
    for certificate in CERTIFICATES:
        issue(certificate, folder)
    new_key(folder / "service-accounts.key")
    run(["openssl", "pkey", "-in", folder / "service-accounts.key", "-pubout", "-out", folder / "service-accounts.pub"])


def new_key(file: Path) -> None:
    """An elliptic key: made at once, where RSA takes a second."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]))


def issue(certificate: Certificate, folder: Path) -> None:
    """A key, and a certificate for it that its authority signed."""
    base = folder / certificate.file
    new_key(base.with_suffix(".key"))
    request = run(["openssl", "req", "-new", "-key", base.with_suffix(".key"), "-subj", certificate.subject])
    extensions = base.with_suffix(".ext")
    extensions.write_text(certificate.extensions)
    authority = folder / certificate.authority
    signing = ["openssl", "x509", "-req", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial"]
    run([*signing, "-days", str(DAYS), "-extfile", extensions, "-out", base.with_suffix(".crt")], text=request)
    extensions.unlink()


def kubeconfig(server: str, folder: Path, certificate: str) -> Mapping[str, object]:
    """A kubeconfig that names the key's file instead of holding it."""
    user = {"client-certificate": str(folder / f"{certificate}.crt"), "client-key": str(folder / f"{certificate}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(folder / "ca.crt")}}],
        "users": [{"name": certificate, "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": certificate}}],
        "current-context": "test",
    }
