"""Rules about the guidance of validation images: its strength, and skip-layer guidance."""

import json
from collections.abc import Iterator

from pydantic import JsonValue

from tuner_kit.errors import Severity
from tuner_kit.simpletuner.rules.known_bases import is_sd3_5, is_sd3_5_large, known_sd3_base
from tuner_kit.simpletuner.rules.rule import Finding, Rule, write
from tuner_kit.simpletuner.rules.setup import TrainerSetup

_LAYERS, _GUIDANCE = "validation_guidance_skip_layers", "validation_guidance"
_START, _STOP = f"{_LAYERS}_start", f"{_LAYERS}_stop"
_SCALE = "validation_guidance_skip_scale"
_SUPPORTED = ("sd3", "wan", "wan_s2v", "zlab_i1", "moss_image")
"""helpers/configuration/cmd_args.py: the only families that it lets pass."""

_SOUND_GUIDANCE = 4.0
_MOST_GUIDANCE = 6.0
_MOST_WITH_SKIPPING = 5.0  # Stability's is 4.0; "lower CFG must be used", says the quickstart.
_NUM_SOUND_LAYERS, _SOUND_SCALE = 3, 2.8  # Layers 7, 8 and 9; doubled for each further layer.


def _skipped_layers(setup: TrainerSetup) -> Iterator[Finding]:
    written = setup.options.get(_LAYERS)
    if written is None:
        return
    if setup.family not in _SUPPORTED:
        yield Finding(
            what=f"SimpleTuner stops at {_LAYERS} for the family {setup.family}",
            fix=f"remove {_LAYERS}",
            key=_LAYERS,
        )
    elif isinstance(written, str | int | float) and setup.family == "sd3":
        # A JSON list is told by the type checks: its last item is all that would be left of it.
        yield from _read_layers(setup, str(written))


def _read_layers(setup: TrainerSetup, written: str) -> Iterator[Finding]:
    layers = _parse(written)
    if isinstance(layers, list):
        yield from _limits(setup, layers)
        yield from _strength(setup, len(layers))
        return
    numbers = [part.strip() for part in written.split(",")]
    could_mean = all(number.isdigit() for number in numbers)
    meant = f"[{', '.join(numbers)}]" if could_mean else "[7, 8, 9]"
    is_silent = layers is not None
    yield Finding(
        what=f"{_LAYERS} is {written}, which is no list: "
        + ("no layer is skipped" if is_silent else "SimpleTuner stops at it"),
        fix=f'write it as text with brackets: "{_LAYERS}": "{meant}"',
        key=_LAYERS,
        edits=(write(_LAYERS, meant),) if could_mean else (),
        severity=Severity.WARNING if is_silent else Severity.ERROR,
    )


def _parse(written: str) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(written)
    except ValueError:
        return None
    return parsed


def _limits(setup: TrainerSetup, layers: list[JsonValue]) -> Iterator[Finding]:
    base = known_sd3_base(setup)
    start, stop = setup.options.number(_START), setup.options.number(_STOP)
    if is_sd3_5_large(setup):
        yield _warn(
            _LAYERS,
            f"{_LAYERS} is set, and skip-layer guidance is made for SD3.5-medium, not large",
            f"remove {_LAYERS}",
        )
    last = base.num_layers - 1 if base is not None else None
    outside = [
        layer
        for layer in layers
        if last is not None and not (isinstance(layer, int) and 0 <= layer <= last)
    ]
    if base is not None and outside:
        yield _warn(
            _LAYERS,
            f"{_LAYERS} names {', '.join(map(str, outside))}, and {base.name} has the layers 0 to "
            f"{last}",
            f'write "{_LAYERS}": "[7, 8, 9]"',
        )
    if start is not None and stop is not None and start >= stop:
        yield _warn(
            _STOP,
            f"{_STOP} = {stop:g} is not after {_START} = {start:g}, so no layer is ever skipped",
            f'write "{_START}": 0.01 and "{_STOP}": 0.2',
        )


def _strength(setup: TrainerSetup, num_layers: int) -> Iterator[Finding]:
    guidance, scale = setup.options.number(_GUIDANCE), setup.options.number(_SCALE)
    if guidance is not None and guidance <= 1:
        yield _warn(
            _GUIDANCE,
            f"{_GUIDANCE} is {guidance:g}: without guidance no layer is skipped, so {_LAYERS} has "
            "no effect",
            f'write "{_GUIDANCE}": {_SOUND_GUIDANCE:g}, or remove {_LAYERS}',
        )
    elif guidance is not None and guidance > _MOST_WITH_SKIPPING:
        yield _warn(
            _GUIDANCE,
            f"{_GUIDANCE} is {guidance:g}, and skipping layers adds to it: images come out harsh",
            f'write "{_GUIDANCE}": {_SOUND_GUIDANCE:g}',
        )
    wanted = _SOUND_SCALE * 2 ** (num_layers - _NUM_SOUND_LAYERS)
    if scale is not None and num_layers > _NUM_SOUND_LAYERS and scale < wanted:
        yield _warn(
            _SCALE,
            f"{_SCALE} is {scale:g} for {num_layers} skipped layers; it doubles with each layer "
            f"after the third",
            f'write "{_SCALE}": {wanted:g}, or skip the layers 7, 8 and 9 only',
        )


def _warn(key: str, what: str, fix: str) -> Finding:
    return Finding(what=what, fix=fix, key=key, severity=Severity.WARNING)


def _guidance(setup: TrainerSetup) -> Iterator[Finding]:
    guidance = setup.options.number(_GUIDANCE)
    draws_none = setup.options.is_on("validation_disable")
    if not is_sd3_5(setup) or draws_none or guidance is None or guidance <= _MOST_GUIDANCE:
        return
    said = "" if setup.options.has(_GUIDANCE) else ", as nothing is written"
    yield Finding(
        what=f"{_GUIDANCE} is {guidance:g}{said}: SD3.5's images come out harsh and oversaturated",
        fix=f'write "{_GUIDANCE}": {_SOUND_GUIDANCE:g}; 3 to 5 is usual',
        key=_GUIDANCE,
        edits=(write(_GUIDANCE, _SOUND_GUIDANCE),),
    )


GUIDANCE_RULES: tuple[Rule, ...] = (
    Rule(
        id="F10",
        title="skip-layer guidance that is off, refused or out of bounds",
        severity=Severity.ERROR,
        looks_at=(_LAYERS, _START, _STOP, _SCALE, _GUIDANCE, "model_flavour"),
        source="helpers/configuration/cmd_args.py; training/validation.py: skip_guidance_layers; "
        "documentation/quickstart/SD3.md",
        check=_skipped_layers,
    ),
    Rule(
        id="F14",
        title="guidance too strong for SD3.5",
        severity=Severity.WARNING,
        looks_at=(_GUIDANCE, "validation_disable"),
        source="documentation/quickstart/SD3.md: 3.0; the default is 7.5",
        check=_guidance,
        families=("sd3",),
    ),
)
