"""Start SimpleTuner's training program in this process, with its flaws repaired.

    python -m tuner_kit.workers.start_trainer

The configuration comes by environment, as SimpleTuner wants it: CONFIG_BACKEND=json and
CONFIG_PATH (the absolute path of config.json without its suffix). With
TUNER_KIT_TRAINER_EVENTS set to an absolute path, what the trainer announces is appended
there, see `trainer_events`; with TUNER_KIT_TRAINER_MEMORY, what each of its phases takes is
written there, see `trainer_memory`. Exit codes are those of SimpleTuner's train.py: 2 when it
can't parse its options, 1 for any exception, 0 otherwise.
"""

import atexit
import importlib.util
import logging
import os
import runpy
import sys
from pathlib import Path

from tuner_kit.workers.trainer_events import write_events_to
from tuner_kit.workers.trainer_repairs import apply_repairs

EVENTS_VARIABLE = "TUNER_KIT_TRAINER_EVENTS"
MEMORY_VARIABLE = "TUNER_KIT_TRAINER_MEMORY"


class _QuickExit:
    """Ends the process as soon as everything registered for its end has run.

    What the interpreter does after that, taking thousands of modules apart, took 2.8 to 3.4 s
    after every training (0.1 s without, two CPU cores). The first function registered is the
    last one called, so create this before anything heavy is imported.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None
        atexit.register(self.leave)

    def leave(self) -> None:
        if self.exit_code is None:
            return
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.exit_code)


def _run_train_program() -> None:
    package = importlib.util.find_spec("simpletuner")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("simpletuner is not installed", name="simpletuner")
    train_path = str(Path(package.origin).parent / "train.py")
    sys.argv[:] = [train_path]
    runpy.run_path(train_path, run_name="__main__")


def _join_processes_without_accelerator() -> None:
    """Let several processes of a machine without accelerator train together.

    accelerate 1.15 joins them through gloo only when told that it may use a CPU; otherwise each
    trains alone on all images, without a word.
    """
    import torch

    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.accelerator.is_available():
        os.environ["ACCELERATE_USE_CPU"] = "true"


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


def main() -> None:
    """Repair, connect the events file, train, and leave with SimpleTuner's own exit code."""
    quick_exit = _QuickExit()
    _join_processes_without_accelerator()
    apply_repairs()
    events_path = os.environ.get(EVENTS_VARIABLE)
    if events_path and _is_first_process():
        write_events_to(Path(events_path))
    memory_path = os.environ.get(MEMORY_VARIABLE)
    if memory_path and _is_first_process():
        from tuner_kit.workers.trainer_memory import record_memory_to

        record_memory_to(Path(memory_path))
    try:
        _run_train_program()
    except SystemExit as exit_request:
        # Anything but a number would be printed by the interpreter; leave that to it.
        quick_exit.exit_code = exit_request.code if isinstance(exit_request.code, int) else None
        raise
    except Exception:
        quick_exit.exit_code = 1
        raise
    quick_exit.exit_code = 0


if __name__ == "__main__":
    main()
