from __future__ import annotations

import json

import pytest

from scaleproof.spec.errors import BadInputError
from scaleproof.telemetry.run import read_run, write_run


def test_a_run_is_never_overwritten(make_run, tmp_path):
    write_run(make_run(), tmp_path / "run")
    with pytest.raises(FileExistsError):
        write_run(make_run(), tmp_path / "run")
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == ["run"]


def test_a_name_that_is_no_table_is_no_attribute(make_run):
    assert make_run().schedule.empty
    with pytest.raises(AttributeError):
        _ = make_run().nothing


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "run.json").unlink(), "not a run folder"),
        (lambda folder: (folder / "run.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "host.parquet").write_bytes(b"x"), "damaged run"),
        (lambda folder: (folder / "run.json").write_text("{}"), "damaged run"),
    ],
)
def test_a_folder_that_is_no_run_says_so(make_run, tmp_path, damage, message):
    folder = write_run(make_run(), tmp_path / "run")
    damage(folder)
    with pytest.raises(BadInputError, match=message):
        read_run(folder)


def test_a_newer_run_is_refused(make_run, tmp_path):
    folder = write_run(make_run(), tmp_path / "run")
    document = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**document, "version": 2}))
    with pytest.raises(BadInputError, match="version 2 is newer"):
        read_run(folder)
