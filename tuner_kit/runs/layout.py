"""The directory of a run: every path in it, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

from tuner_kit.catalog.base_models import DENOISERS


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of the trainer: what it got, and what it said."""

    dir: Path

    @property
    def config_path(self) -> Path:
        """The trainer's config.json."""
        return self.dir / "config.json"

    @property
    def backend_path(self) -> Path:
        """The trainer's multibackend.json."""
        return self.dir / "multibackend.json"

    @property
    def prompts_path(self) -> Path:
        """The trainer's library of validation prompts."""
        return self.dir / "prompts.json"

    @property
    def lycoris_path(self) -> Path:
        """The shape of a LoKr; other methods have none."""
        return self.dir / "lycoris_config.json"

    @property
    def command_path(self) -> Path:
        """A shell command that repeats the attempt."""
        return self.dir / "command.txt"

    @property
    def environment_path(self) -> Path:
        """The environment variables that were set for the trainer, without secrets."""
        return self.dir / "environment.json"

    @property
    def versions_path(self) -> Path:
        """Versions of the packages that trained."""
        return self.dir / "versions.json"

    @property
    def log_path(self) -> Path:
        """Everything the trainer printed."""
        return self.dir / "trainer.log"

    @property
    def events_path(self) -> Path:
        """The phases that the trainer announced, one JSON line each."""
        return self.dir / "events.jsonl"

    @property
    def signal_path(self) -> Path:
        """Where a checkpoint is asked for while the trainer runs."""
        return self.dir / "signal.json"

    @property
    def process_path(self) -> Path:
        """Pid and start time of the trainer."""
        return self.dir / "process.json"

    @property
    def outcome_path(self) -> Path:
        """How the attempt ended."""
        return self.dir / "outcome.json"

    @property
    def heartbeat_path(self) -> Path:
        """Touched every few seconds while the attempt is watched."""
        return self.dir / "heartbeat"


@dataclass(frozen=True, slots=True)
class Run:
    """A run on disk. All paths are absolute; what is stored inside is relative."""

    dir: Path

    @property
    def name(self) -> str:
        """The run's name is its folder's."""
        return self.dir.name

    @property
    def manifest_path(self) -> Path:
        """What is complete; written last."""
        return self.dir / "manifest.json"

    @property
    def config_path(self) -> Path:
        """What was asked, complete."""
        return self.dir / "tuner.yaml"

    @property
    def split_path(self) -> Path:
        """Which images are trained on, and which are held out."""
        return self.dir / "split.json"

    @property
    def lock_path(self) -> Path:
        """Held by the process that works on the run."""
        return self.dir / ".lock"

    @property
    def training_dir(self) -> Path:
        """Attempts, the trainer's output and the finished adapter."""
        return self.dir / "training"

    @property
    def checkpoints_dir(self) -> Path:
        """The trainer's output folder; every attempt continues in it."""
        return self.training_dir / "checkpoints"

    @property
    def metrics_path(self) -> Path:
        """The trainer's own record, one JSON line a step."""
        return self.checkpoints_dir / "training_metrics.jsonl"

    @property
    def validation_dir(self) -> Path:
        """The trainer's validation pictures."""
        return self.checkpoints_dir / "validation_images"

    @property
    def adapter_path(self) -> Path:
        """The verified LoRA, at the strength it was trained with."""
        return self.training_dir / "adapter" / "pytorch_lora_weights.safetensors"

    @property
    def lokr_path(self) -> Path:
        """The verified LoKr; its shape lies beside it."""
        return self.training_dir / "adapter" / "lycoris_weights.safetensors"

    @property
    def pipeline_dir(self) -> Path:
        """The whole model that a full fine-tune gives; plain diffusers loads it."""
        return self.training_dir / "pipeline"

    @property
    def cache_dir(self) -> Path:
        """Private view of the images, latents and text embeddings."""
        return self.dir / "cache"

    @property
    def samples_dir(self) -> Path:
        """Generated pictures, a folder per label."""
        return self.dir / "samples"

    @property
    def evaluations_dir(self) -> Path:
        """What was measured about generated pictures, a folder per label."""
        return self.dir / "evaluations"

    @property
    def report_path(self) -> Path:
        """The page about the run."""
        return self.dir / "report" / "index.html"

    @property
    def logs_dir(self) -> Path:
        """Logs of our own processes."""
        return self.dir / "logs"

    def find_result(self) -> Path | None:
        """Return what training gave: an adapter's file, or the folder of a whole model."""
        if (self.pipeline_dir / "model_index.json").is_file():
            return self.pipeline_dir
        adapters = (self.adapter_path, self.lokr_path)
        return next((path for path in adapters if path.is_file()), None)

    def result_weights(self) -> tuple[Path, ...]:
        """Return the files of the trained weights; none before training is finished."""
        result = self.find_result()
        if result is None or result.is_file():
            return () if result is None else (result,)
        # Every other part is a copy of the base model's.
        return tuple(
            path
            for denoiser in DENOISERS.values()
            for path in sorted((result / denoiser).glob("*.safetensors"))
        )

    def attempts(self) -> tuple[Attempt, ...]:
        """Return every attempt at training, oldest first."""
        found = [path for path in self.training_dir.glob("attempt-*") if _number_of(path)]
        return tuple(Attempt(path) for path in sorted(found, key=_number_of))

    def next_attempt(self) -> Attempt:
        """Return the attempt that comes after the last; its folder does not exist yet."""
        taken = [_number_of(attempt.dir) for attempt in self.attempts()]
        return Attempt(self.training_dir / f"attempt-{max(taken, default=0) + 1:02d}")


def next_label(folder: Path, kind: str) -> str:
    """Name the result that comes after all of its kind in a folder: `style-002`."""
    taken = [_number_of(path) for path in folder.glob(f"{kind}-[0-9]*")]
    return f"{kind}-{max(taken, default=0) + 1:03d}"


def _number_of(path: Path) -> int:
    """Return the number in a name; 0 for a folder that somebody copied or renamed."""
    digits = path.name.partition("-")[2]
    return int(digits) if digits.isdecimal() else 0
