"""Which mistakes in a hand-written configuration are named, and how soon.

    PYTHONPATH=tests/unit:tests/contract python benchmarks/naming_mistakes.py

Each of the wrong configurations of the tests is given to `tuner-kit check config.json`, to
SimpleTuner's own parser and dataset classes, and to the validation of its web interface. The
first is a process of its own each time; SimpleTuner is asked in one process that has imported
it already, and the time to its first refusal is measured once more from the start of `train.py`.
"""

import json
import os
import re
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from broken_configs import BROKEN_CONFIGS, BrokenConfig
from measure import RESULTS_DIR, describe_machine, run_command
from real_trainer import RealParser, TrainerRefusalError, start_real_parser
from trainer_files import TrainerFolder, make_trainer_folder
from training_files import BARE_TRAINER, PYTHON, bare_environment

_ANY_EXIT = tuple(range(11))
_STARTS = 3


def main() -> None:
    """Ask all sides about every mistake, and keep the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = make_trainer_folder(Path(name) / "run")
        (Path(name) / "real").mkdir()
        with start_real_parser(Path(name) / "real") as parser:
            rows = [_ask(broken, folder, parser) for broken in BROKEN_CONFIGS]
        started = [_time_of_train_py(folder) for _ in range(_STARTS)]
    ours = [float(str(row["tuner_kit_s"])) for row in rows]
    result = {
        "title": "naming_mistakes",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": "python benchmarks/naming_mistakes.py",
        "machine": describe_machine(),
        "mistakes": len(rows),
        "named": {
            "tuner-kit check": sum(row["tuner_kit"] is True for row in rows),
            "SimpleTuner's parser and dataset classes": sum(row["parser"] is True for row in rows),
            "SimpleTuner's web validation": sum(row["web"] is True for row in rows),
        },
        "seconds": {
            "tuner-kit check, median": round(statistics.median(ours), 3),
            "tuner-kit check, slowest": round(max(ours), 3),
            "SimpleTuner's train.py until its parser refuses, median": round(
                statistics.median(started), 3
            ),
        },
        "rows": rows,
    }
    path = RESULTS_DIR / "naming_mistakes.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: result[key] for key in ("mistakes", "named", "seconds")}, indent=1))


def _ask(broken: BrokenConfig, folder: TrainerFolder, parser: RealParser) -> dict[str, object]:
    folder.write_changed(broken.options, broken.image, broken.text)
    started = time.perf_counter()
    named = broken.id in _ids_said(folder)
    seconds = time.perf_counter() - started
    return {
        "name": broken.name,
        "id": broken.id,
        "tuner_kit": named,
        "tuner_kit_s": round(seconds, 3),
        "parser": _is_refused(folder, parser),
        "web": _is_called_wrong(folder, parser),
    }


def _ids_said(folder: TrainerFolder) -> set[str]:
    """Run the command as a person does; the ids are in what it prints."""
    command = [str(Path(PYTHON).parent / "tuner-kit"), "check", str(folder.config_path), "--json"]
    out = folder.dir / "out.json"
    script = f"{' '.join(command)} > {out}"
    run_command(["sh", "-c", script], env=os.environ, workdir=folder.dir, expected=_ANY_EXIT)
    return set(re.findall(r'"id": "([A-Z0-9-]+)"', out.read_text(encoding="utf-8")))


def _files(folder: TrainerFolder) -> tuple[dict[str, object], list[object]]:
    config = json.loads(folder.config_path.read_text(encoding="utf-8"))
    return config, json.loads(folder.datasets_path.read_text(encoding="utf-8"))


def _is_refused(folder: TrainerFolder, parser: RealParser) -> bool:
    config, datasets = _files(folder)
    try:
        parser.parse(config, datasets)
    except TrainerRefusalError:
        return True
    return False


def _is_called_wrong(folder: TrainerFolder, parser: RealParser) -> bool:
    config, _ = _files(folder)
    return bool(parser.probe("web_validation:finds_errors", config))


def _time_of_train_py(folder: TrainerFolder) -> float:
    """Give the whole program a mistake that its parser refuses."""
    folder.write({"lr_scheduler": "cosin"})
    cost = run_command(
        [PYTHON, "-c", BARE_TRAINER],
        env=bare_environment(folder.config_path),
        workdir=folder.dir,
        expected=(1, 2),
    )
    return cost.wall_s


if __name__ == "__main__":
    main()
