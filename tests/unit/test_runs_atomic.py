"""Writes that are seen whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tuner_kit.errors import MachineError
from tuner_kit.process.messages import Event
from tuner_kit.runs.atomic import (
    write_bytes_atomically,
    write_model_atomically,
    write_text_atomically,
)
from tuner_kit.runs.disk_errors import explain_disk_errors


def test_text_is_written_as_utf_8_into_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "note.txt"
    write_text_atomically(path, "K\u00e4the\n")
    assert path.read_bytes() == "K\u00e4the\n".encode()


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_text_atomically(path, "old")
    write_text_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_text_atomically(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_message_is_written_as_json_with_a_last_line_end(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    write_model_atomically(path, Event(phase="loading"))
    assert Event.model_validate_json(path.read_bytes()) == Event(phase="loading")
    assert path.read_text(encoding="utf-8").endswith("}\n")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_text_atomically(path, "old")
    with pytest.raises(TypeError):
        write_bytes_atomically(path, "text instead of bytes")  # type: ignore[arg-type]  # to fail
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_text_atomically(path, "new")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(MachineError) as raised,
        explain_disk_errors(tmp_path),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert [problem.id for problem in raised.value.problems] == ["M01"]
    assert raised.value.problems[0].where == str(tmp_path)


def test_a_file_where_a_folder_is_wanted_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(MachineError) as raised:
        write_text_atomically(tmp_path / "runs" / "cats" / "note.txt", "x")
    assert [problem.id for problem in raised.value.problems] == ["M04"]


def test_a_name_that_no_file_system_takes_is_explained(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as raised:
        write_text_atomically(tmp_path / ("x" * 300) / "note.txt", "x")
    assert [problem.id for problem in raised.value.problems] == ["M04"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MachineError) as raised:
            write_text_atomically(tmp_path / "note.txt", "x")
    finally:
        tmp_path.chmod(0o700)
    assert [problem.id for problem in raised.value.problems] == ["M04"]


def test_another_failure_of_the_disk_is_not_explained_away(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), explain_disk_errors(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
