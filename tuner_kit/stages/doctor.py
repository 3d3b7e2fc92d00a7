"""doctor: what this machine can do, in seconds and without importing torch."""

import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from tuner_kit import __version__
from tuner_kit.errors import Problem, Severity
from tuner_kit.preflight.accelerators import find_accelerators
from tuner_kit.preflight.hub_access import find_hub_token

_GIB = 2**30
_SHOWN_PACKAGES = (
    "simpletuner",
    "torch",
    "diffusers",
    "transformers",
    "peft",
    "accelerate",
    "bitsandbytes",
)


@dataclass(frozen=True, slots=True)
class Examination:
    """Facts about a machine, and what keeps it from training."""

    facts: Mapping[str, str]
    problems: tuple[Problem, ...]


def examine(folder: Path, environ: Mapping[str, str]) -> Examination:
    """Look at Python, packages, GPU, memory, disk and the Hub token."""
    memory = psutil.virtual_memory()
    disk = shutil.disk_usage(folder)
    facts = {
        "tuner-kit": __version__,
        "Python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} CPUs",
        "memory": f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB free",
        "disk": f"{disk.free / _GIB:.1f} of {disk.total / _GIB:.1f} GiB free here",
        "GPU": _describe_gpus(),
        "Hub token": _describe_token(environ),
    }
    facts |= {name: _version_of(name) or "missing" for name in _SHOWN_PACKAGES}
    return Examination(facts, tuple(_package_problems()))


def _describe_gpus() -> str:
    found = find_accelerators()
    if not found:
        return "none: full-size models need one, the demo doesn't"
    return "; ".join(
        gpu.name + (f", {gpu.memory_mib / 1024:.0f} GiB" if gpu.memory_mib else "") for gpu in found
    )


def _describe_token(environ: Mapping[str, str]) -> str:
    """Say whether there is a token, never what it is."""
    source = find_hub_token(environ)
    return f"present ({source})" if source else "none: gated models need `hf auth login`"


def _package_problems() -> list[Problem]:
    """Compare what is installed with what this version was seen working with."""
    problems = []
    for requirement in _requirements():
        installed = _version_of(requirement.name)
        if installed is None or not requirement.specifier.contains(installed, prereleases=True):
            wanted = f"{requirement.name}{requirement.specifier}"
            problems.append(
                Problem(
                    id="M03",
                    severity=Severity.ERROR,
                    what=f"{requirement.name} is {installed or 'missing'}; wanted {wanted}",
                    where=sys.prefix,
                    fix="run `poetry sync` (or `make setup`) to install the locked versions",
                )
            )
    return problems


def _requirements() -> list[Requirement]:
    """Return what this package needs here; nothing where it runs without being installed."""
    try:
        found = [Requirement(line) for line in requires("tuner-kit") or ()]
    except PackageNotFoundError:
        return []
    return [need for need in found if need.marker is None or need.marker.evaluate()]


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
