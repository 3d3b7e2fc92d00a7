"""Finding GPUs, with a program in the place of nvidia-smi."""

import platform
from pathlib import Path

import pytest

from tuner_kit.preflight.accelerators import Accelerator, find_accelerators

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="asks nvidia-smi on Linux")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            "echo 'NVIDIA H200, 143771, 570.1'; echo 'NVIDIA L4, 23034, 570.1'",
            (
                Accelerator("NVIDIA H200", 143771, "570.1"),
                Accelerator("NVIDIA L4", 23034, "570.1"),
            ),
            id="two-gpus",
        ),
        pytest.param(
            "echo 'NVIDIA GB10, [N/A], 580.2'",
            (Accelerator("NVIDIA GB10", None, "580.2"),),
            id="shared-memory",
        ),
        pytest.param(
            "echo 'NVIDIA H200, 143771, 570.1, 9.0'",
            (Accelerator("NVIDIA H200", 143771, "570.1", (9, 0)),),
            id="compute-capability",
        ),
        pytest.param(
            "case $1 in *compute_cap*) exit 2;; esac; echo 'Tesla K80, 11441, 450.51'",
            (Accelerator("Tesla K80", 11441, "450.51"),),
            id="old-driver",
        ),
        pytest.param("echo 'No devices were found'", (), id="no-gpu"),
        pytest.param("echo broken driver >&2; exit 9", (), id="broken-driver"),
        pytest.param("kill -9 $$", (), id="killed"),
    ],
)
def test_what_the_driver_says_is_understood(
    script: str,
    expected: tuple[Accelerator, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_accelerators() == expected


def test_a_program_that_cannot_be_started_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_accelerators() == ()


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_accelerators() == ()
