"""What each method's worker is asked when the trainer has ended well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tuner_kit import __version__
from tuner_kit.catalog.base_models import title_of
from tuner_kit.config.run_config import RunConfig, TrainingMethod
from tuner_kit.process.messages import (
    FinishAdapterRequest,
    FinishLokrRequest,
    FinishPipelineRequest,
    Message,
)
from tuner_kit.simpletuner.job import TrainerJob
from tuner_kit.simpletuner.method_options import lora_alpha


@dataclass(frozen=True, slots=True)
class Finishing:
    """One worker and what it is asked."""

    worker: str
    """Module in `tuner_kit.workers`; its result is an `AdapterSummary`."""
    request: Message


def build_finishing(job: TrainerJob, config: RunConfig) -> Finishing:
    """Say who verifies what the trainer left, and writes the run's result."""
    return _BUILDERS[config.training.method](job, config)


def _finish_lora(job: TrainerJob, config: RunConfig) -> Finishing:
    request = FinishAdapterRequest(
        trained_path=job.trained_path,
        adapter_path=job.run.adapter_path,
        base_model=_base_model(job),
        revision=config.model.revision,
        family=config.model.family,
        rank=config.lora.rank,
        alpha=lora_alpha(config),
        metadata={
            **_metadata(job, config),
            "rank": str(config.lora.rank),
            "trained_alpha": f"{lora_alpha(config):g}",
        },
    )
    return Finishing("finish_adapter", request)


def _finish_lokr(job: TrainerJob, config: RunConfig) -> Finishing:
    request = FinishLokrRequest(
        trained_path=job.trained_path,
        lycoris_path=job.attempt.lycoris_path,
        lokr_path=job.run.lokr_path,
        base_model=_base_model(job),
        revision=config.model.revision,
        family=config.model.family,
        metadata=_metadata(job, config),
    )
    return Finishing("finish_lokr", request)


def _finish_full(job: TrainerJob, config: RunConfig) -> Finishing:
    request = FinishPipelineRequest(
        trained_dir=job.trained_path.parent,
        pipeline_dir=job.run.pipeline_dir,
        base_model=_base_model(job),
        revision=config.model.revision,
        family=config.model.family,
    )
    return Finishing("finish_pipeline", request)


def _base_model(job: TrainerJob) -> str:
    return str(job.files.config["pretrained_model_name_or_path"])


def _metadata(job: TrainerJob, config: RunConfig) -> dict[str, str]:
    return {
        "tuner_kit_version": __version__,
        "base_model": title_of(config.model.base),
        "run": config.name,
        "steps": str(job.total_steps),
    }


_BUILDERS: Mapping[TrainingMethod, Callable[[TrainerJob, RunConfig], Finishing]] = MappingProxyType(
    {"lora": _finish_lora, "lokr": _finish_lokr, "full": _finish_full}
)
