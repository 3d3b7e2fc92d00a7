"""Probes in a project with the fake trainer, and what lies in the person's cache after them."""

import platform
from pathlib import Path

import pytest
from project_files import Project

from tuner_kit.preflight.probe_record import ProbeRecord
from tuner_kit.process.environment import cache_dir

needs_driver = pytest.mark.skipif(
    platform.system() != "Linux", reason="asks nvidia-smi on Linux only"
)


def kept_files() -> list[str]:
    """Name everything below the folder of the probes."""
    folder = cache_dir() / "probes"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def kept_record() -> ProbeRecord:
    """Read the only record."""
    (path,) = (cache_dir() / "probes").glob("*/record.json")
    return ProbeRecord.model_validate_json(path.read_bytes())


def install_gpu(project: Project, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Put a driver's program into the PATH that lists one GPU."""
    program = project.dir / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{line}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def remains_of_run(project: Project) -> list[Path]:
    """List what a training would have left in the project."""
    return list((project.dir / "runs").rglob("*"))
