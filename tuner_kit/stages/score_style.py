"""score_style: in how many pictures a style shows, with its trigger word and without."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuner_kit.process.messages import GeneratedImage, ScoreStyleRequest, ScoreStyleResult
from tuner_kit.process.worker import OnEvent, run_worker
from tuner_kit.runs.atomic import write_model_atomically
from tuner_kit.runs.labeled import next_result
from tuner_kit.runs.layout import Run
from tuner_kit.runs.lock import hold_lock
from tuner_kit.stages.recording import StageResult, hash_files, record_stage


@dataclass(frozen=True, slots=True)
class StyleTrial:
    """What was tried: a style of the shapes world, on scenes that were not trained on."""

    style: str
    trigger_word: str
    scenes_seed: int
    num_scenes: int


@dataclass(frozen=True, slots=True)
class StyleScore:
    """What was found, and the comparison of all scenes."""

    result: ScoreStyleResult
    sheet_path: Path


def score_style(
    run: Run, trial: StyleTrial, images: Sequence[GeneratedImage], *, on_event: OnEvent
) -> StyleScore:
    """Read generated pictures and enter what was found into the run.

    Args:
        run: whose adapter rendered the pictures.
        trial: what the pictures shall show.
        images: of each scene, base and tuned, with the trigger word and without.
        on_event: told about the progress.

    Raises:
        RunStateError: another process works on the run (R03), or its manifest is damaged.
        WorkerError: a picture is missing.
    """
    started_at = datetime.now(UTC)
    with hold_lock(run):
        with next_result(run.evaluations_dir, "style") as made:
            request = ScoreStyleRequest(
                images=tuple(images),
                style=trial.style,
                trigger_word=trial.trigger_word,
                scenes_seed=trial.scenes_seed,
                num_scenes=trial.num_scenes,
                sheet_path=made.partial / "sheet.png",
            )
            workdir = run.logs_dir / "score_style"
            result = run_worker("score_style", request, ScoreStyleResult, workdir, on_event)
            write_model_atomically(made.partial / "result.json", result)
        outcome = StageResult(
            stage="evaluate",
            label=made.label,
            outputs=(made.target / "result.json", made.target / "sheet.png"),
            inputs_hash=hash_files(image.path for image in images),
            summary=_summarize(result),
        )
        record_stage(run, outcome, started_at=started_at)
    return StyleScore(result, made.target / "sheet.png")


def _summarize(result: ScoreStyleResult) -> dict[str, str | int]:
    counts = {
        f"{group.variant}_{'with' if group.is_triggered else 'without'}_trigger": group.num_in_style
        for group in result.groups
    }
    return {"style": result.style, "scenes": result.num_scenes, **counts}
