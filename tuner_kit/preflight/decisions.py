"""From answers to every value of tuner.yaml.

What the person answers is taken as it is; the rest follows from the images, the base model and
the memory of the GPU.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from tuner_kit.catalog.gpus import GpuProfile, find_gpu
from tuner_kit.catalog.recipes import LEARNING_RATES, RANKS, RECIPES, ModelRecipe
from tuner_kit.config.answers import THIS_GPU, Answers
from tuner_kit.config.yaml_source import KeyPath
from tuner_kit.data.captions import add_trigger_word
from tuner_kit.planning.choose import Choice, choose_settings
from tuner_kit.planning.duration import Workload
from tuner_kit.planning.memory import estimate_memory, peak
from tuner_kit.planning.shape import TrainingShape
from tuner_kit.preflight.base_choice import BaseChoice, choose_base
from tuner_kit.preflight.contradictions import find_contradictions
from tuner_kit.preflight.folder_decisions import (
    Chosen,
    FolderPlan,
    choose_resolution,
    is_mostly_square,
    plan_folders,
)
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.preflight.planned_run import Decider, Decision, PlannedRun
from tuner_kit.preflight.run_costs import RunFiles, estimate_costs
from tuner_kit.preflight.run_name import suggest_name
from tuner_kit.preflight.training_length import (
    Folders,
    TrainingLength,
    plan_folder,
    round_interval,
)
from tuner_kit.simpletuner.bucket_plan import (
    BucketSettings,
    latent_cache_bytes,
    text_cache_bytes,
)

_ASSUMED_GPU = "24 GB"
"""Where there is none here and none is named."""
_NUM_PROMPTS = 2
_NUM_INTERVALS = 8
_WARMUP_RATE = 0.05
_MAX_WARMUP_STEPS = 100
_CHECKPOINTS_KEPT = 5
"""Enough to choose among later; each is small beside the base model."""


@dataclass(frozen=True, slots=True)
class _Run:
    """All that decisions are made from."""

    answers: Answers
    folders: Folders
    base: BaseChoice
    recipe: ModelRecipe
    gpu: GpuProfile | None
    resolution: Chosen
    wish: TrainingShape
    choice: Choice
    images: FolderPlan

    @property
    def shape(self) -> TrainingShape:
        return self.choice.shape

    @property
    def length(self) -> TrainingLength:
        return self.images.length


def decide(answers: Answers, folders: Folders, gpu: GpuProfile | None) -> PlannedRun:
    """Decide every value of a run.

    Args:
        answers: those given; the others take their suggestion.
        folders: the images.
        gpu: what trains; None where there is none here, and none is named.
    """
    base = choose_base(answers.base)
    contradictions = find_contradictions(answers)
    if base.recipe is None:
        return PlannedRun("", (), obstacles=(*contradictions, base.obstacle or ""))
    target = gpu or (None if base.is_tiny else find_gpu(_ASSUMED_GPU))
    resolution = choose_resolution(answers, folders.main, base.recipe)
    wish = _wish(answers, base, folders.main, resolution.value)
    choice = _fit(wish, base.recipe, target)
    images = plan_folders(answers, folders, _bucket_settings(choice.shape))
    run = _Run(answers, folders, base, base.recipe, gpu, resolution, wish, choice, images)
    return PlannedRun(
        preset=base.recipe.preset,
        decisions=tuple(_decisions(run)),
        costs=_costs(run, target),
        given_up=choice.given_up,
        obstacles=(*contradictions, *_too_large(choice, base.recipe, target)),
    )


def _costs(run: _Run, target: GpuProfile | None) -> tuple[tuple[str, str], ...]:
    """Say what the run takes; held-out images are encoded by nobody."""
    steps = run.length.num_steps
    num_images = run.length.num_trained + sum(other.num_images for other in run.folders.all[1:])
    num_intervals = steps // round_interval(steps, _NUM_INTERVALS)
    work = Workload(
        num_steps=steps,
        num_images=num_images,
        num_captions=min(num_images, run.folders.main.num_captions) + 1,
        num_validations=num_intervals + 1,
        num_checkpoints=num_intervals,
    )
    plans = [plan_folder(folder, run.images.settings) for folder in run.folders.all]
    latents = sum(latent_cache_bytes(plan, "bf16", run.recipe.family) for plan in plans)
    texts = text_cache_bytes(work.num_captions, "bf16", run.recipe.family)
    files = RunFiles(
        latent_cache_bytes=latents,
        text_cache_bytes=texts,
        checkpoints_total_limit=_CHECKPOINTS_KEPT,
        downloads=not (run.base.is_tiny or Path(run.base.base).expanduser().is_dir()),
    )
    return estimate_costs(run.shape, work, target, files).in_words()


def trained_method(answers: Answers) -> str:
    """Name the method of training: DreamBooth is a LoRA with one prompt for all images."""
    return answers.method if answers.method in LEARNING_RATES else "lora"


def _wish(
    answers: Answers, base: BaseChoice, images: FolderFacts, resolution_px: int
) -> TrainingShape:
    """Say how it would be trained if memory were no matter."""
    recipe = RECIPES[base.model]
    share = max(1, recipe.effective_batch_size // answers.num_gpus)
    # A batch has one shape: with many shapes, large batches are filled up with repetitions.
    batch = share if is_mostly_square(images) else 1
    wish = TrainingShape(
        model=base.model,
        method=trained_method(answers),
        rank=RANKS[answers.purpose],
        resolution_px=resolution_px,
        train_batch_size=batch,
        gradient_accumulation_steps=share // batch,
        gradient_checkpointing=False,
        validation_resolution_px=recipe.resolutions_px[0],
        num_gpus=answers.num_gpus,
    )
    if base.is_tiny:
        return replace(wish, mixed_precision="no", optimizer="torch-adamw")
    return wish


def _fit(wish: TrainingShape, recipe: ModelRecipe, target: GpuProfile | None) -> Choice:
    """Fit the wish into the GPU's memory; an embedded model always fits."""
    if target is None:
        return Choice(shape=wish, options={}, given_up=(), fits=True)
    return choose_settings(
        wish,
        memory_gib=target.memory_gib,
        compute_capability=target.compute_capability,
        effective_batch_size=recipe.effective_batch_size,
    )


def _bucket_settings(shape: TrainingShape) -> BucketSettings:
    return BucketSettings(
        resolution_px=shape.resolution_px,
        is_cropped=True,
        train_batch_size=shape.train_batch_size,
        gradient_accumulation_steps=shape.gradient_accumulation_steps,
        repeats=0,
        num_processes=shape.num_gpus,
    )


def _too_large(choice: Choice, recipe: ModelRecipe, target: GpuProfile | None) -> Iterator[str]:
    if choice.fits or target is None:
        return
    needed = peak(estimate_memory(choice.shape)).gpu
    way_out = "a smaller base model or a larger GPU"
    if choice.shape.method != "lora":
        way_out = f"the method lora, {way_out}"
    yield (
        f"{recipe.title} ({choice.shape.method}) needs about {needed.likely:.0f} GiB with all that "
        f"can be given up, and the GPU has {target.memory_gib:g}: choose {way_out}."
    )


# -------------------------------------------------------------------------- the values


def _decisions(run: _Run) -> Iterator[Decision]:
    """Give every decision in the order of tuner.yaml."""
    yield from _model(run)
    yield from _main_dataset(run)
    yield from _other_datasets(run)
    yield from _adapter(run)
    yield from _training(run)
    yield from _validation(run)
    yield from _surroundings(run)


def _model(run: _Run) -> Iterator[Decision]:
    answers = run.answers
    name = answers.name or suggest_name(answers.data or "")
    by = Decider.YOU if answers.name else Decider.DATA
    yield Decision(("name",), name, by, "your answer" if answers.name else "the folder's name")
    asked = answers.base is not None
    yield Decision(("model", "family"), run.recipe.family, Decider.MODEL, run.recipe.title)
    yield Decision(
        ("model", "base"),
        run.base.base,
        Decider.YOU if asked else Decider.MODEL,
        "your answer" if asked else "fits most GPUs",
    )
    yield _by_gpu(run, ("model", "quantization"), "quantization")
    if run.recipe.family == "sd3":
        key: KeyPath = ("model", "text_encoder_3_quantization")
        yield _by_gpu(run, key, "text_encoder_3_quantization")


def _by_gpu(run: _Run, key: KeyPath, name: str) -> Decision:
    """Decide a value that only memory is a reason for; `name` is its field of the shape."""
    value = getattr(run.shape, name)
    if run.base.is_tiny:
        return Decision(key, value, Decider.MODEL, "the embedded model is small")
    memory = run.gpu.name if run.gpu else f"{_ASSUMED_GPU} (assumed)"
    if value == getattr(run.wish, name):
        return Decision(key, value, Decider.USUAL, f"fits {memory}")
    return Decision(key, value, Decider.GPU, f"to fit {memory}")


def _main_dataset(run: _Run) -> Iterator[Decision]:
    answers, images, main = run.answers, run.images, run.folders.main
    resolution = run.resolution
    if run.shape.resolution_px != resolution.value:
        resolution = Chosen(
            run.shape.resolution_px, Decider.GPU, f"{resolution.value} px needs more memory"
        )
    yield _dataset(0, "path", answers.data, Decider.YOU, f"{main.num_images} images")
    if answers.layout != "auto":
        yield _dataset(0, "layout", answers.layout, Decider.YOU, "your answer")
    yield _dataset(0, "resolution_px", resolution.value, resolution.by, resolution.reason)
    yield _dataset(0, "crop", images.crop, Decider.DATA, images.crop_reason)
    repeats = images.length.repeats[0]
    yield _dataset(0, "repeats", repeats, Decider.DATA, _repeats_reason(repeats))
    for key in ("trigger_word", "fallback_caption", "instance_prompt"):
        value = getattr(answers, key)
        if value is not None:
            yield _dataset(0, key, value, Decider.YOU, "your answer")
        elif key != "instance_prompt":
            yield _dataset(0, key, value, Decider.USUAL, "none was asked for")


def _repeats_reason(repeats: int) -> str:
    return "each shape fills a step" if repeats == 0 else "so that each shape fills a step"


def _other_datasets(run: _Run) -> Iterator[Decision]:
    """Decide the class images or plain images; what is held out judges the main ones."""
    answers = run.answers
    others = (
        (answers.class_images, run.folders.class_images, answers.class_prompt),
        (answers.plain_images, run.folders.plain_images, None),
    )
    there = [other for other in others if other[0] is not None and other[1] is not None]
    for index, (path, _, prompt) in enumerate(there, start=1):
        repeats = run.length.repeats[index]
        yield _dataset(index, "path", path, Decider.YOU, "your answer")
        yield _dataset(index, "resolution_px", run.shape.resolution_px, Decider.MODEL, "the same")
        yield _dataset(index, "crop", run.images.crop, Decider.DATA, "the same")
        yield _dataset(index, "repeats", repeats, Decider.DATA, "as often as your images")
        yield _dataset(index, "trigger_word", None, Decider.MODEL, "the word means yours only")
        hold_out: JsonValue = False
        yield _dataset(index, "hold_out", hold_out, Decider.MODEL, "they are not judged")
        if prompt is not None:
            yield _dataset(index, "instance_prompt", prompt, Decider.YOU, "your answer")


def _dataset(index: int, key: str, value: JsonValue, by: Decider, reason: str) -> Decision:
    return Decision(("datasets", index, key), value, by, reason)


def _adapter(run: _Run) -> Iterator[Decision]:
    method = trained_method(run.answers)
    by = Decider.YOU if "method" in run.answers.model_fields_set else Decider.MODEL
    yield Decision(("training", "method"), method, by, _METHOD_REASONS[run.answers.method])
    if method == "lora" and not run.base.is_tiny:
        rank = run.shape.rank
        reason = f"enough for a {run.answers.purpose}"
        yield Decision(("lora", "rank"), rank, Decider.DATA, reason)
        yield Decision(("lora", "alpha"), rank, Decider.MODEL, "strength 1")


_METHOD_REASONS = {
    "lora": "a small adapter that every tool reads",
    "lokr": "a LyCORIS adapter: more capacity for its size",
    "full": "every weight of the model",
    "dreambooth": "a LoRA with one prompt for all images",
    "dreambooth-class": "a LoRA that is also shown what the class looks like",
}


def _training(run: _Run) -> Iterator[Decision]:
    yield from _length(run)
    if run.base.is_tiny:
        return  # its preset has what it was tried with
    method = trained_method(run.answers)
    for key in ("train_batch_size", "gradient_accumulation_steps"):
        yield _by_gpu(run, ("training", key), key)
    rate = LEARNING_RATES[method]
    yield Decision(("training", "learning_rate"), rate, Decider.MODEL, f"stable for {method}")
    for key in ("optimizer", "gradient_checkpointing", "vae_batch_size"):
        yield _by_gpu(run, ("training", key), key)


def _length(run: _Run) -> Iterator[Decision]:
    """Decide steps, and everything that is counted in them."""
    if run.base.is_tiny and run.answers.views_per_image is None:
        return
    views, steps = run.images.views, run.length.num_steps
    batch = run.images.settings.effective_batch_size
    reason = f"{run.length.num_trained} images x {views.value} views / {batch} per step"
    if len(run.folders.all) > 1:
        reason += ", and the others"
    interval = round_interval(steps, _NUM_INTERVALS)
    warmup = min(_MAX_WARMUP_STEPS, round(steps * _WARMUP_RATE))
    yield Decision(("training", "max_train_steps"), steps, views.by, reason)
    yield Decision(("training", "lr_warmup_steps"), warmup, Decider.DATA, "5 % of the steps")
    yield Decision(("training", "checkpointing_steps"), interval, Decider.DATA, "about eight")
    yield Decision(
        ("training", "checkpoints_total_limit"), _CHECKPOINTS_KEPT, Decider.MODEL, "the newest"
    )
    yield Decision(
        ("validation", "validation_steps"), interval, Decider.DATA, "with each checkpoint"
    )


def _validation(run: _Run) -> Iterator[Decision]:
    prompts, by, reason = _prompts(run)
    yield Decision(("validation", "prompts"), list(prompts), by, reason)
    if not run.base.is_tiny:
        yield _by_gpu(run, ("validation", "resolution_px"), "validation_resolution_px")
        yield Decision(
            ("validation", "guidance_scale"),
            run.recipe.guidance_scale,
            Decider.MODEL,
            "suits the model",
        )


def _prompts(run: _Run) -> tuple[tuple[str, ...], Decider, str]:
    answers = run.answers
    if answers.prompts:
        return answers.prompts, Decider.YOU, "your answer"
    if answers.instance_prompt is not None:
        return (
            (answers.instance_prompt, f"{answers.instance_prompt} on a beach"),
            Decider.DATA,
            "the prompt of your images, and a new place",
        )
    written = run.folders.main.example_captions[:_NUM_PROMPTS]
    captions = written or ((answers.fallback_caption,) if answers.fallback_caption else ())
    prompts = tuple(add_trigger_word(caption, answers.trigger_word) for caption in captions)
    return prompts, Decider.DATA, "captions of your images"


def _surroundings(run: _Run) -> Iterator[Decision]:
    answers = run.answers
    named = None if answers.gpu == THIS_GPU else answers.gpu
    given = answers.model_fields_set
    values: tuple[tuple[str, KeyPath, JsonValue, str], ...] = (
        ("gpu", ("hardware", "gpu"), named, "that of the machine"),
        ("num_gpus", ("hardware", "num_gpus"), answers.num_gpus, "one"),
        ("tracker", ("tracking", "tracker"), answers.tracker, "the run has its own"),
        ("hub_model_id", ("publishing", "hub_model_id"), answers.hub_model_id, "not published"),
    )
    for name, key, value, usual in values:
        by = Decider.YOU if name in given else Decider.USUAL
        yield Decision(key, value, by, "your answer" if name in given else usual)
    if answers.runs_dir is not None:
        yield Decision(("paths", "runs_dir"), answers.runs_dir, Decider.YOU, "your answer")
    for option, setting in run.choice.options.items():
        reason = "to fit"
        yield Decision(("simpletuner", option), setting, Decider.GPU, reason)
