"""check: everything that would go wrong later, found now, in seconds, with the fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuner_kit.config.load import ConfigFile, load_config
from tuner_kit.errors import Problem
from tuner_kit.preflight.dataset_plan import plan_of
from tuner_kit.preflight.dataset_rules import DatasetFindings
from tuner_kit.preflight.run_rules import run_rules
from tuner_kit.process.worker import OnEvent
from tuner_kit.simpletuner.bucket_plan import BucketPlan, count_epochs
from tuner_kit.simpletuner.dataset_plan import DatasetPlan
from tuner_kit.simpletuner.training_files import count_train_steps

if TYPE_CHECKING:
    from tuner_kit.preflight.run_costs import RunCosts


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found."""

    file: ConfigFile
    problems: tuple[Problem, ...]
    datasets: tuple[DatasetPlan, ...]
    """Of each dataset that could be read."""
    total_steps: int | None
    """Optimizer steps of the run; null while its length is unknown."""

    views_per_image: tuple[float, float] | None
    """How often the trainer shows an image in the whole run: of the rarest shape it may be more
    than of the most frequent; null while the run's length is unknown."""
    costs: "RunCosts | None"
    """What the run takes; null where it can't be estimated."""
    looked_at_pixels: bool
    """False where tuner.yaml has errors: they are said at once, before any image is decoded."""

    @property
    def num_images(self) -> int:
        """Images of all datasets."""
        return sum(dataset.num_images for dataset in self.datasets)


def check(config_path: Path, on_event: OnEvent, *, repairs: bool = False) -> CheckReport:
    """Check a tuner.yaml with all it names; nothing is written.

    Args:
        config_path: the tuner.yaml.
        on_event: called with the progress of reading images.
        repairs: judge as if every dataset had `repair: true`.

    Raises:
        ConfigError: there is no file to judge.
    """
    file = load_config(config_path)
    with run_rules(file, on_event, repairs=repairs) as findings:
        plans = [part.buckets for dataset in findings.datasets for part in dataset.parts]
        total_steps = _count_steps(file, findings, plans)
        return CheckReport(
            file=file,
            problems=findings.problems,
            datasets=tuple(plan_of(dataset) for dataset in findings.datasets),
            total_steps=total_steps,
            views_per_image=_count_views(plans, total_steps),
            costs=findings.costs,
            looked_at_pixels=findings.looked_at_pixels,
        )


def _count_steps(
    file: ConfigFile, findings: DatasetFindings, plans: Sequence[BucketPlan]
) -> int | None:
    training = file.config.training
    has_length = training.epochs is not None or training.max_train_steps is not None
    if not has_length or len(findings.datasets) != len(file.config.datasets):
        return None
    return count_train_steps(file.config, plans)


def _count_views(
    plans: Sequence[BucketPlan], total_steps: int | None
) -> tuple[float, float] | None:
    views = [bucket.views_per_epoch for plan in plans for bucket in plan.buckets]
    if total_steps is None or not any(views):
        return None
    epochs = count_epochs(plans, total_steps)
    return epochs * min(views), epochs * max(views)
