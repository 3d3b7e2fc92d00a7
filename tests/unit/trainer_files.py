"""SimpleTuner's own files as a person would have written them, in a folder to train in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_files import write_image
from pydantic import JsonValue
from rule_setups import DATASETS, OPTIONS, changed

from tuner_kit.preflight.hand_written import HandWritten, TrainingSite, check_trainer_config

NUM_IMAGES = 6
_SHORT: Mapping[str, JsonValue] = {"max_train_steps": 400, "lr_warmup_steps": 20}
"""A run that shows so few images not too often."""


@dataclass(frozen=True, slots=True)
class TrainerFolder:
    """A folder with a configuration, its dataset file, and the images that it names."""

    dir: Path

    @property
    def config_path(self) -> Path:
        return self.dir / "config.json"

    @property
    def datasets_path(self) -> Path:
        return self.dir / "multidatabackend.json"

    @property
    def site(self) -> TrainingSite:
        return TrainingSite(self.dir, {"HOME": str(self.dir)})

    def write(
        self,
        options: Mapping[str, JsonValue] | str | None = None,
        image: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Write both files, with changes to the options and to the image dataset."""
        text = (
            options if isinstance(options, str) else _json({**OPTIONS, **_SHORT, **(options or {})})
        )
        self.config_path.write_text(text, encoding="utf-8")
        datasets: Sequence[Mapping[str, JsonValue]] = [
            {**DATASETS[0], **(image or {})},
            DATASETS[1],
        ]
        self.datasets_path.write_text(_json(datasets), encoding="utf-8")

    def write_changed(
        self,
        options: Mapping[str, JsonValue],
        image: Mapping[str, JsonValue],
        text: Mapping[str, JsonValue],
    ) -> None:
        """Write both files with changes, of which None removes a key."""
        self.config_path.write_text(
            _json(changed({**OPTIONS, **_SHORT}, options)), encoding="utf-8"
        )
        entries = [changed(DATASETS[0], image), changed(DATASETS[1], text)]
        self.datasets_path.write_text(_json(entries), encoding="utf-8")

    def check(self, config_path: Path | None = None) -> HandWritten:
        return check_trainer_config(config_path or self.config_path, self.site, lambda _: None)

    def ids(self) -> list[str]:
        return [problem.id for problem in self.check().problems]


def make_trainer_folder(folder: Path) -> TrainerFolder:
    """Write sound files and images that fit them."""
    made = TrainerFolder(folder)
    for index in range(NUM_IMAGES):
        path = folder / "data" / "cats" / f"{index}.png"
        write_image(path, size=(1024, 1024), caption=f"cat number {index}")
    made.write()
    return made


def _json(value: object) -> str:
    return json.dumps(value, indent=4, ensure_ascii=False) + "\n"
