"""generate: prompts to pictures, with a run's adapter or with the embedded model alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuner_kit.catalog.base_models import title_of
from tuner_kit.catalog.presets import TINY_PRESET
from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.config.presets import preset_path
from tuner_kit.errors import ConfigError, Problem, RunStateError, raise_for_errors
from tuner_kit.preflight.base_model import resolve_base_model
from tuner_kit.process.messages import GenerateRequest, GenerateResult
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.atomic import write_bytes_atomically, write_model_atomically
from tuner_kit.runs.labeled import next_result
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.stages.recording import StageResult, hash_files, record_stage

_ALIGNMENT_PX = 16
"""SD3's VAE factor 8 times its patch size 2; SD1.x is held to it too."""
_OTHER_FORMATS = frozenset({".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """What to render; None takes the value that validation has in the model's tuner.yaml."""

    prompts: Sequence[str]
    negative_prompt: str | None = None
    seeds: Sequence[int] = (42,)
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    adapter_scale: float = 1.0
    compare: bool = False
    output_path: Path | None = None
    """A `.png` file for the picture (or sheet), or a folder for all of them."""


@dataclass(frozen=True, slots=True)
class GenerateOutcome:
    """The pictures and where they are."""

    result: GenerateResult
    output_path: Path
    """What to look at first: the picture, or the contact sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """What draws, and where its pictures go."""

    file: ConfigFile
    """Names the base model, and the values that the options leave open."""
    result_path: Path | None
    """An adapter's file or the folder of a whole model; None draws with the base model."""
    label: str
    samples_dir: Path
    logs_dir: Path
    """Keeps the worker's request and log."""


def generate(run: Run, options: GenerateOptions, *, on_event: OnEvent) -> GenerateOutcome:
    """Render prompts with the adapter of a run.

    Raises:
        RunStateError: the run has no finished adapter (R04).
        ConfigError: an option can't be rendered (C06).
        WorkerError: the base model can't be loaded, or the worker stopped.
    """
    started_at = datetime.now(UTC)
    result_path = _find_result(run)
    _verify([*_check_sizes(options), *_check_output(options)])
    model = _Model(
        file=_load_sound(run.config_path),
        result_path=result_path,
        label=run.name,
        samples_dir=run.samples_dir,
        logs_dir=run.logs_dir / "generate",
    )
    with hold_lock(run):
        result = _render(model, options, on_event)
        _record(run, result, started_at)
    return GenerateOutcome(result, _deliver(result, options))


def generate_untrained(
    samples_dir: Path, options: GenerateOptions, *, on_event: OnEvent
) -> GenerateOutcome:
    """Render prompts with the embedded base model, of no run and with no adapter.

    What isn't given is as the embedded model's preset validates.

    Args:
        samples_dir: gets the same folders as a run's samples.
        options: without anything that is about an adapter.
        on_event: called with the worker's progress.

    Raises:
        ConfigError: an option can't be rendered, or needs an adapter (C06).
        WorkerError: the worker stopped.
    """
    _verify([*_check_sizes(options), *_check_output(options), *_check_adapterless(options)])
    file = _load_sound(preset_path(TINY_PRESET))
    samples_dir = samples_dir.resolve()
    model = _Model(
        file=file,
        result_path=None,
        label=title_of(file.config.model.base),
        samples_dir=samples_dir,
        logs_dir=samples_dir / "logs",
    )
    result = _render(model, options, on_event)
    return GenerateOutcome(result, _deliver(result, options))


def _load_sound(config_path: Path) -> ConfigFile:
    file = load_config(config_path)
    raise_for_errors(file.problems)
    return file


def _find_result(run: Run) -> Path:
    result = run.find_result()
    if result is None:
        problem = Problem(
            id="R04",
            what=f"run {run.name} has no finished adapter",
            where=str(run.dir),
            fix="finish its training with `tuner-kit train`, or name another run with --run",
        )
        raise RunStateError(problem)
    return result


def _verify(wrong: Sequence[Problem]) -> None:
    if wrong:
        raise ConfigError(*wrong)


def _check_adapterless(options: GenerateOptions) -> list[Problem]:
    """Refuse what is about an adapter: without a run there is none."""
    asked = {"--compare": options.compare, "--strength": options.adapter_scale != 1}
    return [
        Problem(
            id="C06",
            what=f"{name} needs an adapter, and there is no run that has one",
            where=name,
            fix=f"leave {name} out, or train an adapter first: `tuner-kit demo`",
        )
        for name, is_asked in asked.items()
        if is_asked
    ]


def _check_sizes(options: GenerateOptions) -> list[Problem]:
    return [
        Problem(
            id="C06",
            what=f"{name} is {value}; expected a multiple of {_ALIGNMENT_PX}, at least 64",
            where=f"--{name}",
            fix=f"use --{name} {max(64, round(value / _ALIGNMENT_PX) * _ALIGNMENT_PX)}",
        )
        for name, value in (("width", options.width_px), ("height", options.height_px))
        if value is not None and (value % _ALIGNMENT_PX or value < 64)  # noqa: PLR2004 - said above
    ]


def _check_output(options: GenerateOptions) -> list[Problem]:
    """Refuse a picture format that can't be written; a folder may be called anything else."""
    path = options.output_path
    if path is None or path.suffix.lower() not in _OTHER_FORMATS:
        return []
    return [
        Problem(
            id="C06",
            what=f"{path.name} would be {path.suffix[1:]}; pictures are written as png only",
            where="--output-path",
            fix=f"use --output-path {path.with_suffix('.png')}",
        )
    ]


def _render(model: _Model, options: GenerateOptions, on_event: OnEvent) -> GenerateResult:
    """Draw into a folder that gets its name when all of it is there."""
    with next_result(model.samples_dir, "sample") as made:
        request = _build_request(model, options, made.partial)
        result = run_worker("generate", request, GenerateResult, model.logs_dir, on_event)
        write_model_atomically(made.partial / "result.json", _moved(result, Path()))
    return _moved(result, made.target)


def _build_request(model: _Model, options: GenerateOptions, output_dir: Path) -> GenerateRequest:
    config = model.file.config
    validation = config.validation

    def chosen[V](value: V | None, otherwise: V) -> V:
        return otherwise if value is None else value

    return GenerateRequest(
        base_model=resolve_base_model(model.file),
        revision=config.model.revision,
        family=config.model.family,
        method=config.training.method,
        adapter_path=model.result_path,
        adapter_scale=options.adapter_scale,
        prompts=tuple(options.prompts),
        negative_prompt=chosen(options.negative_prompt, validation.negative_prompt),
        seeds=tuple(options.seeds),
        num_inference_steps=chosen(options.num_inference_steps, validation.num_inference_steps),
        guidance_scale=chosen(options.guidance_scale, validation.guidance_scale),
        width_px=chosen(options.width_px, validation.resolution_px),
        height_px=chosen(options.height_px, validation.resolution_px),
        compare=options.compare,
        output_dir=output_dir,
        label=model.label,
        base_label=title_of(config.model.base),
    )


def _moved(result: GenerateResult, folder: Path) -> GenerateResult:
    """Name the pictures in another folder."""
    images = tuple(
        image.model_copy(update={"path": folder / image.path.name}) for image in result.images
    )
    sheet_path = folder / result.sheet_path.name
    return result.model_copy(update={"images": images, "sheet_path": sheet_path})


def _record(run: Run, result: GenerateResult, started_at: datetime) -> None:
    outcome = StageResult(
        stage="generate",
        label=result.sheet_path.parent.name,
        outputs=(result.sheet_path, *(image.path for image in result.images)),
        inputs_hash=hash_files(run.result_weights()),
        summary={"images": len(result.images), "seconds": round(result.seconds, 1)},
    )
    record_stage(run, outcome, started_at=started_at)


def _deliver(result: GenerateResult, options: GenerateOptions) -> Path:
    """Copy what was asked for to where it was asked for."""
    first = result.images[0].path if len(result.images) == 1 else result.sheet_path
    wanted = options.output_path
    if wanted is None:
        return first
    if wanted.suffix.lower() == ".png":
        write_bytes_atomically(wanted, first.read_bytes())
        return wanted
    for path in {result.sheet_path, *(image.path for image in result.images)}:
        write_bytes_atomically(wanted / path.name, path.read_bytes())
    return wanted / first.name
