"""Rules about continuing: which checkpoint the trainer takes, and whether it fits (I01-I07, I11).

Nothing is loaded here: names of folders, small JSON files, and the headers of safetensors.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.checkpoints import list_checkpoints
from tuner_kit.simpletuner.rules.entries import place
from tuner_kit.simpletuner.rules.rule import Finding, Rule, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_RESUME = "resume_from_checkpoint"
_LATEST = "latest"
_NAME = re.compile(r"checkpoint-(\d+)(-.+)?")
_NO_IN_WORDS = frozenset({"none", "null", "no", "false", "off", "0"})
_ELSEWHERE = ("s3://", "r2://", "http://", "https://")
_ADAPTER = "pytorch_lora_weights.safetensors"
_MANIFEST = "checkpoint_manifest.json"
_COMPARED = ("model_family", "model_type", "model_flavour")
_LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header."""
_MAX_HEADER_BYTES = 100_000_000
"""As the safetensors library has it."""
_DOWN_WEIGHTS = (".lora_A.weight", ".lora_down.weight")
_NOTHING: Mapping[str, JsonValue] = MappingProxyType({})


def _output_dir(setup: TrainerSetup) -> Path | None:
    named = setup.options.text("output_dir")
    return None if named is None or "{" in named else place(setup, named)


def _asked(setup: TrainerSetup) -> str:
    """What is to be continued; empty for nothing."""
    written = setup.options.text(_RESUME) or ""
    return "" if _is_remote(written, setup) else written


def _is_remote(asked: str, setup: TrainerSetup) -> bool:
    """With a publishing configuration, SimpleTuner looks for it in the cloud too."""
    return asked.startswith(_ELSEWHERE) or ("/" in asked and setup.options.has("publishing_config"))


def _candidates(output_dir: Path | None) -> tuple[str, ...]:
    """List what SimpleTuner takes for checkpoints."""
    if output_dir is None or not output_dir.is_dir():
        return ()
    names = (path.name for path in output_dir.iterdir())
    return tuple(sorted(n for n in names if n.startswith("checkpoint") and not n.endswith("tmp")))


def _step(name: str) -> int | None:
    """Read the step as SimpleTuner does; None where it stumbles."""
    parts = name.split("-")
    try:
        return int(parts[1])
    except (IndexError, ValueError):
        return None


def _latest(output_dir: Path | None) -> str | None:
    """Return the newest checkpoint; one odd name makes SimpleTuner find none."""
    names = _candidates(output_dir)
    steps = {name: _step(name) for name in names}
    known = {name: step for name, step in steps.items() if step is not None}
    if not names or len(known) < len(names):
        return None
    return max(names, key=lambda name: known[name])


def _continued(setup: TrainerSetup) -> Path | None:
    """Find the checkpoint that the training would begin with; None where it begins anew."""
    asked, output_dir = _asked(setup), _output_dir(setup)
    name = _latest(output_dir) if asked == _LATEST else Path(asked).name
    if not name or output_dir is None or not (output_dir / name).is_dir():
        return None
    return output_dir / name


def _continued_unasked(setup: TrainerSetup) -> Iterator[Finding]:
    """I01."""
    checkpoint = None if setup.options.has(_RESUME) else _continued(setup)
    if checkpoint is not None:
        yield Finding(
            what=f"{checkpoint.parent} holds {checkpoint.name} of an earlier training, which "
            "SimpleTuner continues by default",
            fix='write resume_from_checkpoint: "latest" to continue it, or another output_dir',
            key=_RESUME,
        )


def _resumed_elsewhere(setup: TrainerSetup) -> Iterator[Finding]:
    """I02: only the last part of the path is used."""
    asked, output_dir = _asked(setup), _output_dir(setup)
    name = Path(asked).name
    if asked in ("", _LATEST) or output_dir is None or not _NAME.fullmatch(name):
        return
    if "/" in asked and place(setup, asked).parent != output_dir:
        yield Finding(
            what=f"resume_from_checkpoint is {asked}, but SimpleTuner looks for {name} in "
            f"{output_dir}",
            fix=f"copy it there, or write output_dir: {Path(asked).parent}",
            key=_RESUME,
        )
    elif not (output_dir / name).is_dir():
        there = ", ".join(_candidates(output_dir)) or "no checkpoint"
        yield Finding(
            what=f"resume_from_checkpoint is {asked}, but {output_dir} holds {there}",
            fix='correct it, or write "latest" for the newest',
            key=_RESUME,
        )


def _odd_names(setup: TrainerSetup) -> Iterator[Finding]:
    """I03."""
    asked, output_dir = _asked(setup), _output_dir(setup)
    name = Path(asked).name
    if asked == _LATEST:
        odd = [name for name in _candidates(output_dir) if _step(name) is None]
        if odd:
            yield Finding(
                what=f"{odd[0]} in {output_dir} has no step in its name: SimpleTuner finds no "
                "checkpoint at all then, and begins anew",
                fix=f"rename it so that it does not begin with checkpoint: old-{odd[0]}",
                key=_RESUME,
            )
    elif asked.strip().lower() in _NO_IN_WORDS:
        yield Finding(
            what=f"resume_from_checkpoint is {asked}: SimpleTuner looks for a checkpoint of "
            "that name and stops",
            fix='write resume_from_checkpoint: "" to begin anew',
            key=_RESUME,
            edits=(write(_RESUME, ""),),
        )
    elif asked and not _NAME.fullmatch(name):
        yield Finding(
            what=f"resume_from_checkpoint is {asked}, which is no name of a checkpoint",
            fix='write "latest", or a name such as checkpoint-500',
            key=_RESUME,
        )


def _nothing_left(setup: TrainerSetup) -> Iterator[Finding]:
    """I04."""
    steps = setup.options.number("max_train_steps")
    if not steps or steps < 0:
        return
    checkpoint = _continued(setup)
    done = None if checkpoint is None else _step(checkpoint.name)
    if checkpoint is not None and done is not None and done >= steps:
        yield Finding(
            what=f"{checkpoint.name} is already at step {done}, and max_train_steps is "
            f"{steps:g}: there is nothing left to train",
            fix=f"write a larger max_train_steps, or another output_dir than {checkpoint.parent}",
            key="max_train_steps",
        )
    start, is_written = _init_step(setup)
    if start >= steps:
        yield Finding(
            what=f"init_lora begins at step {start:g}, and max_train_steps is {steps:g}",
            fix=f"write max_train_steps: more than {start:g}"
            + ("" if is_written else ", or init_lora_step: 0 for a new training"),
            key="init_lora_step",
        )


def _init_step(setup: TrainerSetup) -> tuple[float, bool]:
    """Return the step that init_lora begins at, and whether the options say it."""
    written = setup.options.number("init_lora_step")
    if written is not None:
        return written, True
    named = setup.options.text("init_lora")
    metadata = _header(place(setup, named)).get("__metadata__") if named else None
    step = metadata.get("global_step") if isinstance(metadata, dict) else None
    return (float(step) if isinstance(step, str) and step.isdecimal() else 0.0), False


def _header(path: Path) -> Mapping[str, JsonValue]:
    """Read the header of a safetensors file; empty where there is none."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            header = json.loads(file.read(min(length, _MAX_HEADER_BYTES)))
    except (OSError, ValueError):
        return _NOTHING
    return header if isinstance(header, dict) else _NOTHING


def _other_shape(setup: TrainerSetup) -> Iterator[Finding]:
    """I05: SimpleTuner compares these for downloaded checkpoints only."""
    checkpoint = _continued(setup)
    if checkpoint is None:
        return
    recorded = dict(_metadata(checkpoint))
    rank = _trained_rank(checkpoint) if setup.is_lora and not setup.is_lycoris else None
    asked = {name: setup.options.text(name) for name in _COMPARED}
    differing = [
        (name, recorded[name], asked[name])
        for name in _COMPARED
        if asked[name] and isinstance(recorded.get(name), str) and recorded[name] != asked[name]
    ]
    now = setup.options.number("lora_rank")
    if rank is not None and now is not None and rank != now:
        differing.append(("lora_rank", rank, f"{now:g}"))
    for name, before, after in differing:
        yield Finding(
            what=f"{checkpoint.name} was trained with {name} {before}, and now it is {after}",
            fix=f"write {name}: {before} to continue it, or another output_dir",
            key=name,
        )


def _metadata(checkpoint: Path) -> Mapping[str, JsonValue]:
    try:
        manifest = json.loads((checkpoint / _MANIFEST).read_bytes())
    except (OSError, ValueError):
        return _NOTHING
    metadata = manifest.get("metadata") if isinstance(manifest, dict) else None
    return metadata if isinstance(metadata, dict) else _NOTHING


def _trained_rank(checkpoint: Path) -> JsonValue:
    """Read the rank off the first matrix of the adapter, of shape (rank, inputs)."""
    for name, tensor in _header(checkpoint / _ADAPTER).items():
        shape = tensor.get("shape") if isinstance(tensor, dict) else None
        if name.endswith(_DOWN_WEIGHTS) and isinstance(shape, list) and shape:
            return shape[0]
    return None


def _broken_checkpoint(setup: TrainerSetup) -> Iterator[Finding]:
    """I06."""
    if setup.options.is_on("delete_invalid_checkpoints"):
        yield Finding(
            what="delete_invalid_checkpoints is on: a checkpoint that can't be loaded, for "
            "whatever reason, is deleted",
            fix="write delete_invalid_checkpoints: false",
            key="delete_invalid_checkpoints",
            severity=Severity.WARNING,
        )
    checkpoint = _continued(setup)
    if checkpoint is None:
        return
    known = {found.dir: found for found in list_checkpoints(checkpoint.parent)}
    if checkpoint not in known or known[checkpoint].is_whole:
        return
    whole = [found for found in known.values() if found.is_whole]
    previous = max(whole, key=lambda found: found.step).dir.name if whole else None
    yield Finding(
        what=f"{checkpoint.name} is not complete, and SimpleTuner would continue from it",
        fix=f"write resume_from_checkpoint: {previous}"
        if previous
        else f"remove {checkpoint} and begin anew",
        key=_RESUME,
        edits=(write(_RESUME, previous),) if previous else (),
    )


def _initial_adapter(setup: TrainerSetup) -> Iterator[Finding]:
    """I07: the default of resume_from_checkpoint counts as well."""
    options = setup.options
    start, _ = _init_step(setup)
    if start > 0 and not options.has("init_lora"):
        yield Finding(
            what=f"init_lora_step is {start:g}, but no init_lora is given",
            fix="write init_lora: the path of the adapter, or remove init_lora_step",
            key="init_lora_step",
        )
    elif start > 0 and options.get(_RESUME):
        is_default = not options.has(_RESUME)
        yield Finding(
            what=f"init_lora begins at step {start:g} while resume_from_checkpoint is "
            f"{options.get(_RESUME)}{', its default' if is_default else ''}; SimpleTuner "
            "refuses both together",
            fix='write resume_from_checkpoint: "", or init_lora_step: 0',
            key=_RESUME,
            edits=(write(_RESUME, ""),) if is_default else (),
        )
    if options.has("init_lora_ema") and not (options.is_on("use_ema") and options.has("init_lora")):
        missing = "use_ema: true" if options.has("init_lora") else "init_lora"
        yield Finding(
            what=f"init_lora_ema is given without {missing}; SimpleTuner refuses that",
            fix=f"add {missing}, or remove init_lora_ema",
            key="init_lora_ema",
        )


def _no_adapter(setup: TrainerSetup) -> Iterator[Finding]:
    """I11."""
    steps, output_dir = setup.options.number("max_train_steps"), _output_dir(setup)
    newest = _latest(output_dir)
    if not setup.is_lora or newest is None or output_dir is None or not steps:
        return
    adapter = output_dir / _ADAPTER
    if (_step(newest) or 0) >= steps and not _header(adapter):
        state = "is damaged" if adapter.exists() else "is missing"
        yield Finding(
            what=f"the training in {output_dir} reached its last step, but {_ADAPTER} {state}",
            fix=f"take the one in {output_dir / newest}",
            key="output_dir",
        )


RESUME_RULES = (
    Rule(
        id="I01",
        title="an earlier training would be continued",
        severity=Severity.WARNING,
        looks_at=("output_dir", _RESUME),
        source="the parser's default, latest; trainer.py:5094",
        check=_continued_unasked,
    ),
    Rule(
        id="I02",
        title="the checkpoint to continue is not in output_dir",
        severity=Severity.ERROR,
        looks_at=(_RESUME, "output_dir"),
        source="helpers/training/trainer.py:5086",
        check=_resumed_elsewhere,
    ),
    Rule(
        id="I03",
        title="a name that is no checkpoint's",
        severity=Severity.ERROR,
        looks_at=(_RESUME, "output_dir"),
        source="helpers/utils/checkpoint_manager.py get_latest_checkpoint; issue 127",
        check=_odd_names,
    ),
    Rule(
        id="I04",
        title="nothing left to train",
        severity=Severity.ERROR,
        looks_at=("max_train_steps", "output_dir", "init_lora", "init_lora_step"),
        source="helpers/training/trainer.py:2417, 5230",
        check=_nothing_left,
    ),
    Rule(
        id="I05",
        title="the checkpoint was trained otherwise",
        severity=Severity.ERROR,
        looks_at=("output_dir", "lora_rank", *_COMPARED),
        source="helpers/training/trainer.py:4910, for downloaded checkpoints only",
        check=_other_shape,
    ),
    Rule(
        id="I06",
        title="the checkpoint to continue is damaged",
        severity=Severity.ERROR,
        looks_at=("output_dir", _RESUME, "delete_invalid_checkpoints"),
        source="helpers/utils/checkpoint_manager.py; trainer.py:5120",
        check=_broken_checkpoint,
    ),
    Rule(
        id="I07",
        title="init_lora's settings contradict others",
        severity=Severity.ERROR,
        looks_at=("init_lora", "init_lora_step", "init_lora_ema", "use_ema", _RESUME),
        source="helpers/training/trainer.py:2410, 4358",
        check=_initial_adapter,
    ),
    Rule(
        id="I11",
        title="a finished training without its adapter",
        severity=Severity.ERROR,
        looks_at=("output_dir", "max_train_steps"),
        source="helpers/training/trainer.py, its last save",
        check=_no_adapter,
    ),
)
"""What goes with checkpoints."""
