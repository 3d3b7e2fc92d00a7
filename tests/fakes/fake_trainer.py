"""A trainer that learns nothing, fast: the same files as SimpleTuner's, and its ways to die.

    python fake_trainer.py scenario.json

The scenario names one of `DEATHS`, the step it comes after, and how long a step takes.
What this process was given is written beside the scenario, to `seen.json`.
"""

import json
import os
import signal
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MODULE = "transformer_blocks.0.attn.to_q"
EDGE = 128
"""The layer is a square matrix of this edge, in the embedded base model."""
TRAINED_VALUE = 0.25
"""Every number in the trained `lora_B`."""


@dataclass(frozen=True, slots=True)
class Training:
    """What the trainer was asked to do."""

    options: Mapping[str, Any]
    prompts: Mapping[str, str]
    death: str
    after_step: int
    seconds_per_step: float
    gpu_gib: float | None
    """What its phases hold of a GPU; null without one."""

    @property
    def output_dir(self) -> Path:
        return Path(self.options["output_dir"])

    @property
    def total_steps(self) -> int:
        return int(self.options["max_train_steps"])


def main() -> None:
    scenario_path = Path(sys.argv[1])
    scenario = json.loads(scenario_path.read_text())
    options = json.loads(Path(os.environ["CONFIG_PATH"] + ".json").read_text())
    seen = {
        "environment": dict(os.environ),
        "workdir": str(Path.cwd()),
        "pid": os.getpid(),
        "options": options,
        "images": list_images(options),
    }
    scenario_path.with_name("seen.json").write_text(json.dumps(seen))
    prompts = options.get("user_prompt_library")
    training = Training(
        options,
        json.loads(Path(prompts).read_text()) if prompts else {},
        scenario.get("death", ""),
        scenario.get("after_step", 0),
        scenario.get("seconds_per_step", 0.0),
        scenario.get("gpu_gib"),
    )
    train(training)


def list_images(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the repeats and the images of each folder that is trained on."""
    backend = json.loads(Path(options["data_backend_config"]).read_text())
    return [
        {
            "repeats": entry["repeats"],
            "names": sorted(path.name for path in Path(entry["instance_data_dir"]).iterdir()),
        }
        for entry in backend
        if entry["dataset_type"] == "image"
    ]


def train(training: Training) -> None:
    training.output_dir.mkdir(parents=True, exist_ok=True)
    log("[INFO] loading")
    announce("init_load_base_model", "running")
    write_memory(training, "loading")
    die_if_due(training, 0)
    announce("init_load_base_model", "completed")
    first = newest_step(training.output_dir)
    if first == 0:
        validate(training, 0)
    requests = 0
    for step in range(first + 1, training.total_steps + 1):
        time.sleep(training.seconds_per_step)
        write_metrics(training, step)
        write_memory(training, "training", num_steps=step)
        wanted = requested_checkpoints()
        if step % training.options["checkpoint_step_interval"] == 0 or wanted > requests:
            save_checkpoint(training, step)
        requests = wanted
        is_last = step == training.total_steps
        if is_last or step % training.options["validation_step_interval"] == 0:
            validate(training, step)
        die_if_due(training, step)
    write_memory(training, "saving", num_steps=training.total_steps)
    save_final(training)


def log(text: str) -> None:
    """Write as the trainer does: with colors, and carriage returns from its progress bar."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S,000")
    sys.stdout.write(
        f"\x1b[0mSteps: 10%|#   | 1/10\r\x1b[0m[RANK 0] \x1b[32m{stamp} {text}\x1b[0m\n"
    )
    sys.stdout.flush()


def announce(key: str, status: str) -> None:
    event = {"time": now(), "type": "lifecycle.stage", "key": key, "status": status}
    with Path(os.environ["TUNER_KIT_TRAINER_EVENTS"]).open("a") as file:
        file.write(json.dumps(event) + "\n")


def now() -> str:
    return datetime.now(UTC).isoformat()


def write_metrics(training: Training, step: int) -> None:
    is_nan = training.death == "nan_metrics"
    metrics = {
        "train_loss": float("nan") if is_nan else 1 / step,
        "learning_rate": training.options["learning_rate"],
        "seconds_per_step": 0.01,
    }
    lines = ({"train_loss": 0.0} | metrics, {"system/cpu_percent": 99.0})
    with (training.output_dir / "training_metrics.jsonl").open("a") as file:
        for line in lines:
            entry = {"metrics": line, "schema_version": 1, "step": step, "timestamp": now()}
            file.write(json.dumps(entry) + "\n")


PHASES = ("captions", "images", "loading", "training", "validation", "saving")


def write_memory(training: Training, running: str, *, num_steps: int = 0) -> None:
    """Write what the phases up to the running one took, if that is wanted.

    Each holds an eighth of a GiB more than the one before it; a step takes half a second.
    """
    path = os.environ.get("TUNER_KIT_TRAINER_MEMORY")
    if path is None:
        return
    is_short = training.death == "validation_memory" and num_steps == training.total_steps
    reached = PHASES[: PHASES.index(running) + 1]
    write_json(
        Path(path),
        {
            "schema_version": 1,
            "device": None if training.gpu_gib is None else "Fake GPU",
            "startup_seconds": 3.0,
            "phases": {
                phase: {
                    "seconds": 1.0,
                    "ram_gib": 1 + index / 8,
                    "gpu_reserved_gib": training.gpu_gib and training.gpu_gib + index / 8,
                    "gpu_allocated_gib": training.gpu_gib,
                    "gpu_context_gib": training.gpu_gib and 0.5,
                }
                for index, phase in enumerate(reached)
            },
            "step_seconds": [4.0, *[0.5] * (num_steps - 1)][:num_steps],
            "running": running,
            "out_of_memory_in": "validation" if is_short else None,
        },
    )


def requested_checkpoints() -> int:
    path = Path(os.environ["SIMPLETUNER_ACCELERATE_SIGNAL_FILE"])
    count: int = json.loads(path.read_text()).get("manual_checkpoint", 0)
    return count


def newest_step(output_dir: Path) -> int:
    """Continue as SimpleTuner does: from the newest folder, its counter unchecked."""
    steps = [int(path.name.partition("-")[2]) for path in output_dir.glob("checkpoint-*")]
    return max(steps, default=0)


def save_checkpoint(training: Training, step: int) -> None:
    announce("checkpoint_save", "running")
    folder = training.output_dir / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    write_weights(folder / "pytorch_lora_weights.safetensors", training)
    for name in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("data.pkl", b"state" * 100)
    write_json(folder / "training_state.json", {"global_step": step, "epoch": 1})
    files = sorted(path.name for path in folder.iterdir())
    write_json(folder / "checkpoint_manifest.json", {"version": 1, "files": files})
    (folder / ".guard").write_text("complete\n")
    announce("checkpoint_save", "completed")


def validate(training: Training, step: int) -> None:
    folder = training.output_dir / "validation_images"
    folder.mkdir(exist_ok=True)
    size = training.options["validation_resolution"]
    for name in training.prompts:
        is_failing = training.death in ("lost_picture", "validation_memory")
        is_lost = is_failing and step == training.total_steps
        if not is_lost:
            (folder / f"step_{step}_{name}_0_{size}.png").write_bytes(b"a picture")


def save_final(training: Training) -> None:
    path = training.output_dir / "pytorch_lora_weights.safetensors"
    if training.death == "no_weights":
        return
    write_weights(path, training)
    if training.death == "truncated_weights":
        path.write_bytes(path.read_bytes()[:-8])


def write_weights(path: Path, training: Training) -> None:
    rank = training.options["lora_rank"]
    value = {"zero_weights": 0.0, "nan_weights": float("nan")}.get(training.death, TRAINED_VALUE)
    path.write_bytes(
        as_safetensors(
            {
                f"transformer.{MODULE}.lora_A.weight": ((rank, EDGE), 0.5),
                f"transformer.{MODULE}.lora_B.weight": ((EDGE, rank), value),
            }
        )
    )


def as_safetensors(tensors: Mapping[str, tuple[tuple[int, int], float]]) -> bytes:
    """Write float32 matrices that hold one number everywhere."""
    header: dict[str, Any] = {}
    content = b""
    for name, ((rows, columns), value) in tensors.items():
        data = struct.pack("<f", value) * (rows * columns)
        span = [len(content), len(content) + len(data)]
        header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": span}
        content += data
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + content


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


# ------------------------------------------------------------------ ways to die


def die_if_due(training: Training, step: int) -> None:
    if training.death in DEATHS and step == training.after_step:
        DEATHS[training.death]()


def fail(text: str, exit_code: int = 1) -> None:
    sys.stdout.write("Traceback (most recent call last):\n  File trainer.py, line 1\n")
    sys.stdout.write(f"{text}\n")
    log("[INFO] Cleaning up")
    sys.stdout.flush()
    os._exit(exit_code)


def refuse_arguments() -> None:
    sys.stdout.write("usage: train.py [-h] [--model_family ...]\n")
    fail("train.py: error: unrecognized arguments: --bogus_option=3", 2)


def die_by(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def hang() -> None:
    time.sleep(60)  # longer than any test, and yet nothing is left for ever


DEATHS: Mapping[str, Callable[[], None]] = {
    "killed": die_by(signal.SIGKILL),
    "segfault": die_by(signal.SIGSEGV),
    "terminated": die_by(signal.SIGTERM),
    "hangs": hang,
    "unknown_argument": refuse_arguments,
    "quiet": lambda: os._exit(1),
    "interrupted": lambda: os._exit(0),
    "cuda_memory": lambda: fail(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
        "capacity of 23.64 GiB of which 1.2 GiB is free."
    ),
    "nan_loss": lambda: fail("ValueError: Non-finite training loss detected at step 3"),
    "disk_full": lambda: fail("OSError: [Errno 28] No space left on device"),
    "gated": lambda: fail("huggingface_hub.errors.GatedRepoError: 401 Client Error."),
    "other_shape": lambda: fail(
        "RuntimeError: Error(s) in loading state_dict: size mismatch for transformer_blocks.0"
    ),
    "other_optimizer": lambda: fail("KeyError: 'accumulated_decay'"),
}


if __name__ == "__main__":
    main()
