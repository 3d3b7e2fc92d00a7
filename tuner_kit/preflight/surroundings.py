"""What is around a hand-written configuration: machine, packages, environment, other files."""

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
from pydantic import JsonValue

from tuner_kit.preflight.accelerators import Accelerator, find_accelerators
from tuner_kit.simpletuner.rules.lycoris_file import read_lycoris_config
from tuner_kit.simpletuner.rules.setup import GpuFacts, Surroundings

_DEFAULT_LYCORIS = "config/lycoris_config.json"
_GIB = 2**30
_MIB_PER_GIB = 1024
_OTHER_CONFIGS = ("config.json", "config.toml", "config.env")


def find_surroundings(
    options: Mapping[str, JsonValue],
    config_path: Path,
    *,
    working_dir: Path,
    environ: Mapping[str, str],
) -> Surroundings:
    """Find what rules may look at, in a few milliseconds; a GPU that is not here is unknown.

    Args:
        options: of the configuration, by name.
        config_path: the configuration.
        working_dir: where SimpleTuner would be started.
        environ: the person's whole environment.
    """
    base = _local_base(options.get("pretrained_model_name_or_path"), working_dir)
    gpus = find_accelerators()
    return Surroundings(
        working_dir=working_dir,
        config_dir=config_path.parent,
        config_name=config_path.name,
        environ=environ,
        home_dir=Path(environ["HOME"]) if environ.get("HOME") else None,
        gpus=tuple(map(_gpu, gpus)) if gpus else None,
        has_nvidia_smi=shutil.which("nvidia-smi") is not None,
        lycoris=_lycoris(options, config_path.parent, working_dir),
        ram_gib=psutil.virtual_memory().total / _GIB,
        free_disk_gib=_free_disk_gib(options.get("output_dir"), working_dir),
        packages=frozenset(_installed_packages()),
        base_class=_class_name(base),
        base_parts=_parts(base),
        config_names=_other_configs(config_path, working_dir),
    )


def _lycoris(
    options: Mapping[str, JsonValue], config_dir: Path, working_dir: Path
) -> Mapping[str, JsonValue] | None:
    """Read the shape of a LyCORIS adapter; None where none is asked for."""
    named = options.get("lycoris_config") or _DEFAULT_LYCORIS
    if options.get("lora_type") != "lycoris" or not isinstance(named, str):
        return None
    return read_lycoris_config(named, config_dir=config_dir, working_dir=working_dir)


def _gpu(found: Accelerator) -> GpuFacts:
    return GpuFacts(
        name=found.name,
        memory_gib=(found.memory_mib or 0) / _MIB_PER_GIB,
        compute_capability=found.compute_capability,
    )


def _installed_packages() -> Iterator[str]:
    """Name every installed distribution; importlib.metadata takes 0.1 s to read them all."""
    for folder in filter(Path.is_dir, map(Path, sys.path)):
        for path in folder.glob("*.dist-info"):
            yield re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower()


def _local_base(named: JsonValue, working_dir: Path) -> Path | None:
    if not isinstance(named, str) or not named:
        return None
    folder = working_dir / Path(named).expanduser()
    return folder if folder.is_dir() else None


def _class_name(base: Path | None) -> str | None:
    if base is None:
        return None
    try:
        index = json.loads((base / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    name = index.get("_class_name") if isinstance(index, dict) else None
    return name if isinstance(name, str) else None


def _parts(base: Path | None) -> frozenset[str] | None:
    if base is None:
        return None
    return frozenset(path.name for path in base.iterdir() if path.is_dir())


def _free_disk_gib(output_dir: JsonValue, working_dir: Path) -> float | None:
    folder = working_dir / (output_dir if isinstance(output_dir, str) else "")
    existing = next((path for path in (folder, *folder.parents) if path.is_dir()), None)
    return None if existing is None else shutil.disk_usage(existing).free / _GIB


def _other_configs(config_path: Path, working_dir: Path) -> Sequence[str]:
    """Name what SimpleTuner would also read: beside the file, and where it is started."""
    folders = dict.fromkeys((config_path.parent.resolve(), (working_dir / "config").resolve()))
    candidates = (folder / name for folder in folders for name in _OTHER_CONFIGS)
    return tuple(
        path.name
        for path in candidates
        if path.is_file() and path.resolve() != config_path.resolve()
    )
