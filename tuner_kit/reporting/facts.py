"""Builds the sections of facts: what was asked, and how it went."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tuner_kit.catalog.base_models import BASE_MODELS, title_of
from tuner_kit.config.run_config import DatasetConfig, RunConfig, TrainingConfig, TrainingMethod
from tuner_kit.process.messages import AdapterSummary
from tuner_kit.reporting.collect import AttemptRecord, RunMaterial
from tuner_kit.reporting.formats import (
    format_count,
    format_device,
    format_duration,
    format_number,
    format_rate,
    format_size,
    spread,
)
from tuner_kit.reporting.loss_curve import typical_seconds_per_step
from tuner_kit.reporting.pictures import Embed
from tuner_kit.reporting.privacy import mask_text
from tuner_kit.reporting.sections import (
    Fact,
    FactGroup,
    LabeledPicture,
    OutcomeSection,
    RequestSection,
)
from tuner_kit.simpletuner.method_options import lora_alpha

MAX_EXAMPLES = 6
_EXAMPLE_PX = 320
_UNFINISHED = "the training is not finished"
_NOT_RECORDED = "not recorded"


def build_request(material: RunMaterial, embed: Embed) -> RequestSection:
    """Say what was asked, with evenly spaced examples of the training images."""
    config = material.config
    chosen = spread(material.training_images, MAX_EXAMPLES)
    pictures = [
        LabeledPicture(image.caption, embed(image.path, image.caption, max_edge_px=_EXAMPLE_PX))
        for image in chosen
    ]
    return RequestSection(
        groups=(
            FactGroup("Model", _model_facts(config)),
            FactGroup("Images", _image_facts(material)),
            FactGroup("Training", _training_facts(config.training)),
        ),
        examples=tuple(example for example in pictures if example.picture is not None),
        num_images=len(material.training_images),
    )


def build_outcome(material: RunMaterial) -> OutcomeSection | None:
    """Say how it went; nothing before the first attempt."""
    if not material.attempts:
        return None
    needs_attempts = len(material.attempts) > 1 or material.train is None
    return OutcomeSection(
        groups=(
            FactGroup("Training", _progress_facts(material)),
            FactGroup(
                "Model" if material.config.training.method == "full" else "Adapter",
                _adapter_facts(material),
            ),
            FactGroup("Made with", _version_facts(material)),
        ),
        attempts=tuple(map(_attempt_fact, material.attempts)) if needs_attempts else (),
    )


def training_seconds(material: RunMaterial) -> float | None:
    """Return the wall time of all attempts together; None when one is unknown."""
    seconds = [attempt.seconds for attempt in material.attempts]
    known = [value for value in seconds if value is not None]
    if known and len(known) == len(seconds):
        return sum(known)
    recorded = material.train.summary.get("seconds") if material.train else None
    is_whole = len(material.attempts) == 1 and isinstance(recorded, int | float)
    return float(recorded) if is_whole and isinstance(recorded, int | float) else None


def _model_facts(config: RunConfig) -> tuple[Fact, ...]:
    known = next((model for model in BASE_MODELS if model.id == config.model.base), None)
    facts = [Fact("base model", title_of(config.model.base))]
    if known is not None:
        facts.append(Fact("license", known.license))
    if config.model.revision is not None:
        facts.append(Fact("revision", config.model.revision))
    if config.model.quantization != "none":
        facts.append(Fact("quantization", config.model.quantization))
    facts.append(Fact("preset", config.preset, "" if config.preset else "written without one"))
    return (*facts, *_METHOD_FACTS[config.training.method](config))


def _lora_facts(config: RunConfig) -> tuple[Fact, ...]:
    facts = (
        Fact("LoRA rank", str(config.lora.rank)),
        Fact("LoRA alpha", format_number(lora_alpha(config))),
    )
    if config.lora.dropout:
        return (*facts, Fact("LoRA dropout", format_number(config.lora.dropout)))
    return facts


def _lokr_facts(config: RunConfig) -> tuple[Fact, ...]:
    shape = config.lokr
    rank = "whole" if shape.full_matrix else format_count(shape.linear_dim)
    return (
        Fact("method", "LoKr (LyCORIS)"),
        Fact("LoKr factor", f"{shape.factor}, feed-forward {shape.feed_forward_factor}"),
        Fact("LoKr rank", rank),
    )


def _full_facts(_: RunConfig) -> tuple[Fact, ...]:
    return (Fact("method", "full fine-tune of the denoiser"),)


_METHOD_FACTS: Mapping[TrainingMethod, Callable[[RunConfig], tuple[Fact, ...]]] = MappingProxyType(
    {"lora": _lora_facts, "lokr": _lokr_facts, "full": _full_facts}
)


def _image_facts(material: RunMaterial) -> tuple[Fact, ...]:
    count = len(material.training_images)
    number = Fact("images", format_count(count))
    if not count:
        number = Fact("images", None, "the run's private copies were removed")
    datasets = material.config.datasets
    columns: tuple[tuple[str, Callable[[DatasetConfig], str]], ...] = (
        ("resolution", lambda dataset: f"{dataset.resolution_px} px"),
        ("crop", lambda dataset: "square" if dataset.crop == "center" else "none"),
        ("shown per epoch", lambda dataset: _times(dataset.repeats + 1)),
        ("trigger word", lambda dataset: dataset.trigger_word or "none"),
    )
    facts = [
        Fact(name, ", ".join(dict.fromkeys(value(dataset) for dataset in datasets)))
        for name, value in columns
    ]
    return (number, *facts)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{format_count(count)} times"


def _training_facts(training: TrainingConfig) -> tuple[Fact, ...]:
    batch = training.train_batch_size * training.gradient_accumulation_steps
    summed = training.gradient_accumulation_steps
    is_float = training.mixed_precision == "no"
    return (
        _length_fact(training),
        Fact("batch", str(batch), f"{summed} batches summed" if summed > 1 else ""),
        Fact("learning rate", format_rate(training.learning_rate)),
        Fact("schedule", training.lr_scheduler.replace("_", " ")),
        Fact("optimizer", training.optimizer),
        Fact("precision", "float32" if is_float else training.mixed_precision),
        Fact("seed", str(training.seed)),
    )


def _length_fact(training: TrainingConfig) -> Fact:
    if training.epochs is not None:
        return Fact("epochs", format_count(training.epochs))
    if training.max_train_steps is not None:
        return Fact("steps", format_count(training.max_train_steps))
    return Fact("steps", None, _NOT_RECORDED)


def _progress_facts(material: RunMaterial) -> tuple[Fact, ...]:
    steps = material.steps
    seconds, typical = training_seconds(material), typical_seconds_per_step(steps)
    num_without = sum(entry.loss is None for entry in steps)
    facts = [
        Fact("steps", format_count(steps[-1].step)) if steps else Fact("steps", None, "none yet"),
        Fact("time", format_duration(seconds), "loading and validation included")
        if seconds is not None
        else Fact("time", None, "an attempt left no record of its end"),
        Fact("seconds a step", format_number(typical), "median")
        if typical is not None
        else Fact("seconds a step", None, "fewer than two steps in a row"),
        Fact("attempts", str(len(material.attempts))),
        Fact("machine", *_device(material)),
    ]
    if num_without:
        facts.append(Fact("steps without a finite loss", format_count(num_without)))
    return tuple(facts)


def _device(material: RunMaterial) -> tuple[str | None, str]:
    device = material.train.summary.get("device") if material.train else None
    return (format_device(device), "") if isinstance(device, str) else (None, _NOT_RECORDED)


def _adapter_facts(material: RunMaterial) -> tuple[Fact, ...]:
    adapter = material.adapter
    columns: tuple[tuple[str, Callable[[AdapterSummary], str]], ...] = (
        ("file", lambda summary: format_size(summary.size_mib)),
        ("parameters", lambda summary: format_count(summary.num_parameters)),
        ("layers changed", lambda summary: format_count(summary.num_modules)),
        ("largest update", lambda summary: format_number(summary.largest_update)),
        ("stored as", lambda summary: summary.dtype),
    )
    if adapter is None:
        why = _UNFINISHED if material.train is None else _NOT_RECORDED
        return (Fact("file", None, why),)
    return tuple(Fact(name, value(adapter)) for name, value in columns)


def _version_facts(material: RunMaterial) -> tuple[Fact, ...]:
    if not material.versions:
        return (Fact("versions", None, _NOT_RECORDED),)
    return tuple(Fact(name, version) for name, version in material.versions.items())


def _attempt_fact(attempt: AttemptRecord) -> Fact:
    name = attempt.name.replace("-", " ")
    outcome = attempt.outcome
    if outcome is None:
        return Fact(name, None, "no record of its end: it is running, or the machine stopped")
    parts = [str(outcome.status)]
    if outcome.last_step is not None:
        parts.append(f"at step {format_count(outcome.last_step)}")
    if attempt.seconds is not None:
        parts.append(f"after {format_duration(attempt.seconds)}")
    return Fact(name, " ".join(parts), mask_text(outcome.reason or ""))
