"""How soon a wrong value is named: `tuner-kit check` beside the trainer itself."""

import json
import os
import tempfile
from pathlib import Path

from measure import Contender, compare, run_command
from training_files import BARE_TRAINER, PYTHON, bare_environment

BIN = Path(PYTHON).parent


def main() -> None:
    """Give both the same mistake: a scheduler that doesn't exist."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tuner_yaml = folder / "tuner.yaml"
        tuner_yaml.write_text(
            "name: wrong\npreset: tiny-lora\ndatasets: [{path: .}]\n"
            "training: {max_train_steps: 10, lr_scheduler: cosin}\n",
            encoding="utf-8",
        )
        config_path = folder / "config.json"
        config = {
            "model_family": "sd3",
            "model_type": "lora",
            "optimizer": "torch-adamw",
            "output_dir": str(folder / "output"),
            "data_backend_config": str(folder / "multibackend.json"),
            "num_train_epochs": 0,
            "max_train_steps": 10,
            "lr_scheduler": "cosin",
        }
        config_path.write_text(json.dumps(config), encoding="utf-8")
        compare(
            "wrong_value",
            [
                Contender(
                    "tuner-kit check",
                    lambda: run_command(
                        [str(BIN / "tuner-kit"), "check", str(tuner_yaml)],
                        env=os.environ,
                        workdir=folder,
                        expected=(3,),
                    ),
                ),
                Contender(
                    "SimpleTuner 4.10.1",
                    lambda: run_command(
                        [PYTHON, "-c", BARE_TRAINER],
                        env=bare_environment(config_path),
                        workdir=folder,
                        expected=(1, 2),
                    ),
                ),
            ],
            repeats=3,
        )


if __name__ == "__main__":
    main()
