"""The rules about disk and GPU."""

from pathlib import Path

import pytest
from config_files import SMALLEST, ids_of, read_config

from tuner_kit.errors import Severity
from tuner_kit.preflight.machine_rules import check_disk, check_machine, check_writable

FULL_SIZE = SMALLEST.replace("tiny-lora", "sd3.5-medium-lora")


def test_too_little_space_is_found_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    (problem,) = check_disk(tmp_path / "runs" / "cats", needed_mib=2**50)
    assert (problem.id, problem.where) == ("M01", str(tmp_path))
    assert list(check_disk(tmp_path / "runs", needed_mib=0)) == []


def test_a_full_size_model_without_a_gpu_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {problem.id: problem for problem in check_machine(read_config(tmp_path, FULL_SIZE))}
    assert found["M02"].severity is Severity.WARNING
    assert "M02" not in ids_of(check_machine(read_config(tmp_path, SMALLEST)))


def test_a_full_size_model_with_a_gpu_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771, 570.1'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "M02" not in ids_of(check_machine(read_config(tmp_path, FULL_SIZE)))


def test_a_folder_that_can_be_made_may_be_written(tmp_path: Path) -> None:
    assert list(check_writable(tmp_path / "a" / "b", where="here")) == []


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (problem,) = check_writable(tmp_path / "file" / "runs", where="tuner.yaml:3")
    assert (problem.id, problem.where) == ("M04", "tuner.yaml:3")
    assert "file is not a folder" in problem.what


def test_more_gpus_than_there_are_is_an_error_here_and_fine_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771, 570.1'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    here = read_config(tmp_path, FULL_SIZE + "hardware: {num_gpus: 2}\n")
    there = read_config(tmp_path, FULL_SIZE + "hardware: {num_gpus: 2, gpu: H200}\n")

    assert "M07" in ids_of(check_machine(here))
    assert "M07" not in ids_of(check_machine(there))
