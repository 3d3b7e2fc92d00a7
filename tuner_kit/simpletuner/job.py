"""All that one start of the trainer is, as a value: files, command, environment, results."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner_kit.process.child import ChildSpec
from tuner_kit.runs.layout import Attempt, Run
from tuner_kit.simpletuner.training_files import (
    TrainingFiles,
    TrainingInputs,
    build_training_files,
    count_train_steps,
)
from tuner_kit.simpletuner.training_results import validation_picture_name

# -P: the attempt's folder, where the trainer works, must not shadow a package.
START_ARGUMENTS = ("-P", "-m", "tuner_kit.workers.start_trainer")
"""What Python is given to start the trainer in one process."""

_LAUNCHER_ARGUMENTS = ("-P", "-m", "torch.distributed.run", "--standalone", "--nproc_per_node")
"""Start several: `accelerate launch` on a CPU silently starts one (accelerate 1.15)."""


@dataclass(frozen=True, slots=True)
class TrainerJob:
    """One launch of SimpleTuner: repeating it needs nothing else."""

    run: Run
    attempt: Attempt
    files: TrainingFiles
    child: ChildSpec
    total_steps: int
    expected_images: Sequence[Path]
    """Validation pictures that must be there after the last step."""

    @property
    def trained_path(self) -> Path:
        """What the trainer writes last, with the final weights: a file, or a whole pipeline's."""
        if self.files.config["model_type"] == "full":
            return self.run.checkpoints_dir / "pipeline" / "model_index.json"
        return self.run.checkpoints_dir / "pytorch_lora_weights.safetensors"


def build_job(inputs: TrainingInputs, environ: Mapping[str, str]) -> TrainerJob:
    """Build a launch from what was asked.

    Args:
        inputs: what the trainer's files are made of.
        environ: what a child gets of our environment, see `process.environment`.
    """
    files = build_training_files(inputs)
    total = count_train_steps(inputs.config, [view.buckets for view in inputs.views])
    return TrainerJob(
        run=inputs.run,
        attempt=inputs.attempt,
        files=files,
        child=ChildSpec(
            argv=(sys.executable, *_start_arguments(inputs.config.hardware.num_gpus)),
            env={**environ, **_own_environment(inputs)},
            workdir=inputs.attempt.dir,
        ),
        total_steps=total,
        expected_images=_expected_images(inputs, files.prompts, total),
    )


def _start_arguments(num_gpus: int) -> tuple[str, ...]:
    """Give one process to each GPU; the launcher has no flag for its children's `-P`."""
    if num_gpus == 1:
        return START_ARGUMENTS
    program = START_ARGUMENTS[1:] if START_ARGUMENTS[0] == "-P" else START_ARGUMENTS
    return (*_LAUNCHER_ARGUMENTS, str(num_gpus), *program)


def _own_environment(inputs: TrainingInputs) -> dict[str, str]:
    attempt = inputs.attempt
    ours = {
        "CONFIG_BACKEND": "json",
        "CONFIG_PATH": str(attempt.config_path.with_suffix("")),
        "TUNER_KIT_TRAINER_EVENTS": str(attempt.events_path),
        "SIMPLETUNER_ACCELERATE_SIGNAL_FILE": str(attempt.signal_path),
        "ACCELERATE_MIXED_PRECISION": inputs.config.training.mixed_precision,
        "ACCELERATE_DYNAMO_BACKEND": "no",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if Path(inputs.base_model).is_absolute():
        ours["HF_HUB_OFFLINE"] = "1"
    if inputs.config.hardware.num_gpus > 1:
        # What -P does, for the processes that the launcher starts.
        ours["PYTHONSAFEPATH"] = "1"
    return ours


def _expected_images(
    inputs: TrainingInputs, prompts: Iterable[str], total_steps: int
) -> tuple[Path, ...]:
    """Name the pictures of the last validation.

    SimpleTuner logs a validation that failed and goes on, so only files tell.
    """
    size_px = inputs.config.validation.resolution_px
    return tuple(
        inputs.run.validation_dir / validation_picture_name(total_steps, name, size_px)
        for name in prompts
    )
