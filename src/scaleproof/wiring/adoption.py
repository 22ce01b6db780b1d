"""`scaleproof init`: reads what somebody has, writes a project of it, and says what was guessed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from scaleproof.spec.errors import BadInputError, ExitCode
from scaleproof.wiring.write import check_free, write_new

if TYPE_CHECKING:
    from scaleproof.adoption.documents import Document
    from scaleproof.adoption.openapi import Api

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
OWN_LOCUSTFILE: Final = Path("loadtests/locustfile.py")


def init(
    *,
    from_cluster: bool,
    namespaces: Sequence[str],
    context: str | None,
    manifests: Sequence[Path],
    openapi: Sequence[str],
    locustfile: Path | None,
    output: Path,
    stack: str,
    force: bool,
) -> int:
    """Write platform.yaml, the stack's file and, unless somebody has one, a locustfile. Exits 0.

    Raises BadInputError where a source or an option is wrong, CannotMeasureError where the cluster does not answer.
    """
    from scaleproof.adoption.files import journeys_text, platform_text, stack_text
    from scaleproof.adoption.objects import objects_of
    from scaleproof.adoption.platform_of import adopt
    from scaleproof.report.adoption import adoption_lines
    from scaleproof.spec.stack_file import StackFile

    _check_sources(from_cluster=from_cluster, namespaces=namespaces, context=context, manifests=manifests)
    if not (from_cluster or manifests or openapi or locustfile):
        raise BadInputError(
            "init from what?",
            hint="--from-cluster, --manifests PATH (a file, a folder, or - for standard input), --openapi FILE or --locustfile FILE",
        )
    stack_file = StackFile.of(output, stack).file
    names = [output / "platform.yaml", stack_file, *([] if locustfile else [output / OWN_LOCUSTFILE])]
    # Before a cluster is asked: what cannot be written is known at once.
    check_free(dict.fromkeys(names, ""), force=force)
    played = OWN_LOCUSTFILE.as_posix() if locustfile is None else _relative(locustfile, output)
    apis = [_api(each) for each in openapi]
    documents = _from_cluster(namespaces, context) if from_cluster else _documents(manifests)
    adopted = adopt(
        objects_of(documents),
        apis,
        folder_name=output.resolve().name,
        locustfile=played,
        is_only_loaded=not (from_cluster or manifests or openapi),
    )
    files = {output / "platform.yaml": platform_text(adopted), stack_file: stack_text(adopted, stack)}
    if locustfile is None:
        files[output / OWN_LOCUSTFILE] = journeys_text(adopted, ", ".join(each.origin for each in apis) or "the routes")
    write_new(files, force=force)
    click.echo(
        "\n".join(adoption_lines(adopted, [str(file) for file in files], stack=stack, own_locustfile=locustfile is None))
    )
    for line in () if locustfile is None else _about(locustfile):
        click.echo(f"\n{line}")
    return ExitCode.OK


def _about(locustfile: Path) -> Iterator[str]:
    """What its users cannot do, if there is something; the file itself is left as it is."""
    from scaleproof.load.inspection import inspected

    try:
        cast = inspected(locustfile)
    except BadInputError as error:
        yield str(error)
        return
    if cast.ordinary:
        yield (
            f"{locustfile}: {', '.join(cast.ordinary)}: ordinary Locust users. `scaleproof load` plays them as they are, a closed loop; "
            "calibrate, simulate, tune, check and prove draw a load in advance and need JourneyUsers (docs/adopt.md)"
        )


def _check_sources(*, from_cluster: bool, namespaces: Sequence[str], context: str | None, manifests: Sequence[Path]) -> None:
    if from_cluster and manifests:
        raise BadInputError("--from-cluster and --manifests exclude each other", hint="leave one out")
    if not from_cluster and (namespaces or context):
        raise BadInputError(f"{'--namespace' if namespaces else '--context'} is for --from-cluster", hint="leave it out")


def _from_cluster(namespaces: Sequence[str], context: str | None) -> list[Document]:
    from scaleproof.cluster.adopt import read_objects, usual_namespace
    from scaleproof.cluster.kube_api import connect

    api = connect(context=context)
    try:
        wanted = list(dict.fromkeys(namespaces)) or [usual_namespace(context)]
        found = read_objects(api, wanted)
    finally:
        api.close()
    if not any(each.kind in ("Deployment", "StatefulSet") for each in found):
        raise BadInputError(
            f"no Deployment or StatefulSet in the namespace {', '.join(wanted)} of {api.server}",
            hint="name another with --namespace, which may be repeated",
        )
    return found


def _documents(manifests: Sequence[Path]) -> list[Document]:
    from scaleproof.adoption.documents import documents_of

    found = [document for file in _files(manifests) for document in documents_of(_text(file), _shown(file))]
    if manifests and not found:
        raise BadInputError(
            f"{', '.join(map(_shown, manifests))}: no Kubernetes object in it",
            hint="expected manifests, as `kubectl apply -f`, `helm template` and `kustomize build` know them",
        )
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Each path, and of a folder every manifest below it in order of name; hidden ones are left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = [each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file()]
        for each in sorted(inside):
            if not any(part.startswith(".") for part in each.relative_to(path).parts):
                yield each


def _api(option: str) -> Api:
    from scaleproof.adoption.openapi import api_of

    service, sign, name = option.partition("=")
    if not sign or Path(option).is_file():
        service, name = "", option
    return api_of(_text(Path(name)), name, service or None)


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInputError(f"{file}: no such file", hint="a file, a folder, or - for standard input") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{_shown(file)}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read ({error.strerror})", hint="check the file's permissions") from None


def _shown(file: Path) -> str:
    return "standard input" if str(file) == "-" else str(file)


def _relative(locustfile: Path, output: Path) -> str:
    """As platform.yaml says it: from its own folder."""
    if not locustfile.is_file():
        raise BadInputError(f"{locustfile}: no such locustfile")
    return Path(os.path.relpath(locustfile.resolve(), output.resolve())).as_posix()
