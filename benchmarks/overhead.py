"""What training through us costs: `tuner-kit train` beside the bare trainer on the same files.

Both train the same number of steps from the same config.json and multibackend.json, with
empty caches. Ours includes the check before and the verification after.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

from measure import Contender, Cost, compare, run_command
from training_files import BARE_TRAINER, PYTHON, bare_environment, prepare

BIN = Path(PYTHON).parent
STEPS = 300


def main() -> None:
    """Prepare the files once, then compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tuner_yaml = prepare(folder, steps=STEPS)
        compare(
            "overhead",
            [
                Contender("tuner-kit train", lambda: _through_us(tuner_yaml)),
                Contender("SimpleTuner 4.10.1", lambda: _bare(folder)),
            ],
            repeats=3,
        )


def _through_us(tuner_yaml: Path) -> Cost:
    argv = [str(BIN / "tuner-kit"), "train", str(tuner_yaml), "--force"]
    return run_command(argv, env=os.environ, workdir=tuner_yaml.parent)


def _bare(folder: Path) -> Cost:
    """Train from the files of our last run, moved to another output and empty caches."""
    run_dir = folder / "runs" / "measured"
    attempt_dir, bare_dir = run_dir / "training" / "attempt-01", folder / "bare"
    shutil.rmtree(bare_dir, ignore_errors=True)
    shutil.copytree(next(run_dir.glob("cache/view-*")), bare_dir / "images", symlinks=True)
    for path in (bare_dir / "images").glob("aspect_ratio_bucket_*"):
        path.unlink()
    backend = json.loads((attempt_dir / "multibackend.json").read_text(encoding="utf-8"))
    backend[0] |= {
        "instance_data_dir": str(bare_dir / "images"),
        "cache_dir_vae": str(bare_dir / "vae"),
    }
    backend[1]["cache_dir"] = str(bare_dir / "text")
    (bare_dir / "multibackend.json").write_text(json.dumps(backend), encoding="utf-8")
    config = json.loads((attempt_dir / "config.json").read_text(encoding="utf-8"))
    config |= {
        "output_dir": str(bare_dir / "output"),
        "data_backend_config": str(bare_dir / "multibackend.json"),
    }
    config_path = bare_dir / "config.json"
    config_path.write_text(json.dumps(config), encoding="utf-8")
    return run_command(
        [PYTHON, "-c", BARE_TRAINER], env=bare_environment(config_path), workdir=bare_dir
    )


if __name__ == "__main__":
    main()
