"""A small folder of images, checked as `check --data DIR --html FILE` does."""

import base64
import io
from pathlib import Path

from PIL import Image

from tuner_kit.stages.check_data import DataQuestion, DataReport, check_data


def write_photos(folder: Path) -> Path:
    """Write four sound images of 64 px with their captions."""
    folder.mkdir(parents=True)
    for name, color in (("a", "red"), ("b", "green"), ("c", "blue"), ("d", "gray")):
        Image.new("RGB", (64, 64), color).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"the {color} one")
    return folder


def check_photos(photos: Path, page_path: Path, **question: object) -> DataReport:
    """Check a folder by sizes and captions alone, unless told otherwise."""
    values = {"resolution_px": 64, "plans_only": True, **question}
    return check_data(
        DataQuestion(data_dir=photos, page_path=page_path, **values),  # type: ignore[arg-type] # words of a test
        lambda _event: None,
    )


def picture_in(image: dict[str, str | None]) -> Image.Image:
    """Decode the picture of an element."""
    source = image["src"] or ""
    prefix = "data:image/jpeg;base64,"
    assert source.startswith(prefix)
    return Image.open(io.BytesIO(base64.b64decode(source.removeprefix(prefix))))
