"""Trains with a progress line, as `train` and `demo` do."""

from pathlib import Path

from tuner_kit.cli.console import print_problems
from tuner_kit.cli.progress import ProgressLine, format_seconds
from tuner_kit.cli.stop_requests import StopOnSignal
from tuner_kit.process.messages import Event
from tuner_kit.simpletuner.progress import TrainingProgress
from tuner_kit.stages.train import TrainingWatch, TrainOutcome, train


def train_with_progress(
    config_path: Path, *, force: bool = False, repairs: bool = False
) -> TrainOutcome:
    """Train, show how it goes, and say how it ended."""
    with ProgressLine() as line, StopOnSignal() as stop:
        announced = 0

        def on_event(event: Event) -> None:
            stop.is_training = False
            line.on_event(event)

        def on_progress(progress: TrainingProgress) -> None:
            nonlocal announced
            stop.is_training = True
            while announced < stop.count:
                announced += 1
                line.say(_describe_stop(announced, progress))
            line.on_training(progress)

        watch = TrainingWatch(
            stop=stop,
            on_findings=print_problems,
            on_event=on_event,
            on_progress=on_progress,
        )
        outcome = train(config_path, watch, force=force, repairs=repairs)
        line.say(_summarize(outcome))
    return outcome


def _describe_stop(count: int, progress: TrainingProgress) -> str:
    if count > 1 or progress.step == 0:
        return "stopping at once"
    return "saving a checkpoint, then stopping (Ctrl-C again stops at once)"


def _summarize(outcome: TrainOutcome) -> str:
    if outcome.adapter is None:
        saved = f"continues from step {outcome.saved_step}" if outcome.saved_step else "starts over"
        return (
            f"stopped at step {outcome.last_step} of {outcome.total_steps}; "
            f"the same command {saved}"
        )
    resumed = f", continued from step {outcome.resumed_from}" if outcome.resumed_from else ""
    rank = f"rank {outcome.adapter.rank}, " if outcome.adapter.rank else ""
    return (
        f"trained {outcome.total_steps} steps in {format_seconds(outcome.seconds)}{resumed}: "
        f"{rank}{outcome.adapter.num_modules} layers, "
        f"{outcome.adapter.size_mib:.1f} MiB, verified"
    )
