"""Example folders in each layout, and what reading one has given."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataset_files import write_image

from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.layouts.table import choose
from tuner_kit.data.records import Caption, DatasetPart, SkipReason
from tuner_kit.errors import DatasetError, Problem


@dataclass(frozen=True, slots=True)
class ReadFolder:
    """Everything that a layout says about a folder, by the names of the images."""

    layout: str
    captions: dict[str, str | None]
    """Empty is a caption; None is no caption."""
    origins: dict[str, str]
    num_lines: dict[str, int]
    part_of: dict[str, str]
    parts: dict[str, DatasetPart]
    problems: tuple[Problem, ...]
    skipped: dict[str, SkipReason]

    @property
    def num_images(self) -> int:
        return len(self.captions)

    @property
    def num_captions(self) -> int:
        return sum(caption is not None for caption in self.captions.values())

    def problem(self, problem_id: str) -> Problem:
        """Give the only problem of an id."""
        (found,) = (problem for problem in self.problems if problem.id == problem_id)
        return found


def read_layout(
    root: Path,
    layout: str = "auto",
    *,
    instance_prompt: str | None = None,
    class_prompt: str | None = None,
) -> ReadFolder:
    """Recognize and read a folder as the commands do."""
    options = LayoutOptions(instance_prompt, class_prompt)
    with Inventory(root, root.parent / f"{root.name}.sqlite") as inventory:
        inventory.find_files()
        texts = [
            (name, (root / name).read_text(encoding="utf-8").strip())
            for name in texts_of(inventory)
        ]
        inventory.save_texts((name, Caption(text, name)) for name, text in texts)
        chosen = choose(inventory, layout, options)
        reading = chosen.read(inventory, options)
        records = list(inventory.records())
        captioned = {image.name: image.caption for image in records if image.caption is not None}
        return ReadFolder(
            layout=chosen.name,
            captions={
                image.name: None if image.caption is None else image.caption.text
                for image in records
            },
            origins={name: caption.origin for name, caption in captioned.items()},
            num_lines={name: caption.num_lines for name, caption in captioned.items()},
            part_of={image.name: image.part for image in records},
            parts={part.name: part for part in reading.parts},
            problems=reading.problems,
            skipped={item.name: item.reason for item in inventory.skipped()},
        )


def texts_of(inventory: Inventory) -> Iterable[str]:
    return list(inventory.texts_to_read())


def refusal_of(root: Path, layout: str = "auto") -> Problem:
    """Give the one problem because of which a folder isn't read."""
    try:
        read = read_layout(root, layout)
    except DatasetError as error:
        (problem,) = error.problems
        return problem
    raise AssertionError(f"it was read as {read.layout}")


def write_images(root: Path, *names: str) -> Path:
    for name in names:
        write_image(root / name, size=(8, 8))
    return root


def write_captioned(root: Path, captions: Mapping[str, str | None]) -> Path:
    """Write images, and the captions that aren't None beside them."""
    for name, caption in captions.items():
        write_image(root / name, size=(8, 8), caption=caption)
    return root


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_jsonl(path: Path, *rows: object) -> Path:
    """Write JSON lines; text is written as it is, anything else as JSON."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return write_text(path, "".join(f"{line}\n" for line in lines))


def row(file_name: object, text: object = "a fox") -> dict[str, object]:
    return {"file_name": file_name, "text": text}
