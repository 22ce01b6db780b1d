"""What runs on the node outside pods: command lines and configuration files. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.cluster.places import (
    API_PORT,
    DNS_ADDRESS,
    NAMESPACE,
    NODE_ADDRESS,
    NODE_NAME,
    POD_RANGE,
    SERVICE_RANGE,
    Places,
)

API_SERVER = f"https://{NODE_ADDRESS}:{API_PORT}"
PAUSE_IMAGE = "scaleproof.test/pause:latest"


def flags(program: str, values: Mapping[str, object]) -> list[str]:
    """A command line of `--name=value`; True and False as Go writes them."""
    return [
        program,
        *(f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()),
    ]


def etcd(places: Places) -> list[str]:
    """One member on loopback. What it holds is thrown away, so nothing waits for the disk."""
    keys = places.certificates
    return flags(
        places.program("etcd"),
        {
            "data-dir": places.state / "etcd",
            "listen-client-urls": "https://127.0.0.1:2379",
            "advertise-client-urls": "https://127.0.0.1:2379",
            "cert-file": keys / "etcd.crt",
            "key-file": keys / "etcd.key",
            "trusted-ca-file": keys / "etcd-ca.crt",
            "client-cert-auth": True,
            "unsafe-no-fsync": True,
            "log-level": "warn",
        },
    )


def api_server(places: Places) -> list[str]:
    """RBAC and the node authorizer; the aggregator reaches metrics-server's pod itself."""
    keys = places.certificates
    return flags(
        places.program("kube-apiserver"),
        {
            "etcd-servers": "https://127.0.0.1:2379",
            "etcd-cafile": keys / "etcd-ca.crt",
            "etcd-certfile": keys / "apiserver-etcd.crt",
            "etcd-keyfile": keys / "apiserver-etcd.key",
            "advertise-address": NODE_ADDRESS,
            "secure-port": API_PORT,
            "service-cluster-ip-range": SERVICE_RANGE,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "client-ca-file": keys / "ca.crt",
            "tls-cert-file": keys / "apiserver.crt",
            "tls-private-key-file": keys / "apiserver.key",
            "kubelet-certificate-authority": keys / "ca.crt",
            "kubelet-client-certificate": keys / "apiserver-kubelet.crt",
            "kubelet-client-key": keys / "apiserver-kubelet.key",
            "kubelet-preferred-address-types": "InternalIP",
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-key-file": keys / "service-accounts.pub",
            "service-account-signing-key-file": keys / "service-accounts.key",
            "requestheader-client-ca-file": keys / "front-proxy-ca.crt",
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User",
            "proxy-client-cert-file": keys / "front-proxy.crt",
            "proxy-client-key-file": keys / "front-proxy.key",
            "enable-aggregator-routing": True,
            "allow-privileged": False,
            "profiling": False,
        },
    )


def controller_manager(places: Places) -> list[str]:
    """With the HPA controller's own defaults: they are what is measured."""
    keys, kubeconfig = places.certificates, places.configuration / "controller-manager.kubeconfig"
    return flags(
        places.program("kube-controller-manager"),
        {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "cluster-signing-cert-file": keys / "ca.crt",
            "cluster-signing-key-file": keys / "ca.key",
            "root-ca-file": keys / "ca.crt",
            "service-account-private-key-file": keys / "service-accounts.key",
            "use-service-account-credentials": True,
            "leader-elect": False,
            "profiling": False,
        },
    )


def scheduler(places: Places) -> list[str]:
    """Nothing but where the API server is."""
    kubeconfig = places.configuration / "scheduler.kubeconfig"
    return flags(
        places.program("kube-scheduler"),
        {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "leader-elect": False,
            "profiling": False,
        },
    )


def containerd(places: Places) -> list[str]:
    """Debian's."""
    return ["containerd", "--config", str(places.configuration / "containerd.toml")]


def kubelet(places: Places) -> list[str]:
    """The rest is in its file."""
    return flags(
        places.program("kubelet"),
        {
            "config": places.configuration / "kubelet.json",
            "kubeconfig": places.configuration / "kubelet.kubeconfig",
            "root-dir": places.state / "kubelet",
            "hostname-override": NODE_NAME,
            "node-ip": NODE_ADDRESS,
        },
    )


def kube_proxy(places: Places) -> list[str]:
    """All of it is in its file."""
    return flags(places.program("kube-proxy"), {"config": places.configuration / "kube-proxy.json"})


def kubelet_configuration(places: Places) -> dict[str, object]:
    """No image is ever collected and no full disk evicts a pod: images cannot be pulled again here."""
    keys = places.certificates
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(keys / "kubelet.crt"),
        "tlsPrivateKeyFile": str(keys / "kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{NAMESPACE}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{places.containerd_socket}",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(places.configuration / "resolv.conf"),
        "podLogsDir": str(places.state / "pod-logs"),
        "volumePluginDir": str(places.state / "volume-plugins"),
        "makeIPTablesUtilChains": False,
        "maxPods": 200,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "logging": {"verbosity": 1},
    }


def kube_proxy_configuration(places: Places) -> dict[str, object]:
    """nftables; the machine's connection tracking stays as it is."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(places.configuration / "proxy.kubeconfig")},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE_NAME,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
    }


def containerd_configuration(places: Places) -> str:
    """Without `restrict_oom_score_adj` no sandbox starts where the machine forbids lowering the score."""
    return f"""\
version = 2
root = "{places.containerd}"
state = "{places.sockets}/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "{places.containerd_socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{places.state}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{places.configuration}/cni"
"""


def network_configuration(places: Places) -> dict[str, object]:
    """A bridge for the pods, with addresses counted on this node alone."""
    bridge = {
        "type": "bridge",
        "bridge": "pods0",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(places.state / "pod-addresses"),
            "ranges": [[{"subnet": POD_RANGE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": NAMESPACE, "plugins": [bridge]}
