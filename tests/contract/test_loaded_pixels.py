"""How the real trainer loads the pixels of an image: what conversions rely on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageOps

pytestmark = pytest.mark.contract

LOAD = """
import json, sys
from PIL.ImageOps import exif_transpose
from simpletuner.helpers.image_manipulation.load import load_image

answers = {}
for path in sys.argv[1:]:
    # As image_manipulation/training_sample.py (correct_image) goes on.
    image = exif_transpose(load_image(path).convert("RGB"))
    answers[path] = [image.size, [image.getpixel((x, y)) for x, y in ((4, 4), (-4 % image.width, 4))]]
print("answers " + json.dumps(answers))
"""

TURNED = [
    f"{orientation}{suffix}" for orientation in (3, 6) for suffix in (".jpg", ".png", ".webp")
]
READ_RIGHTLY = ["1.jpg", "grey.png", "palette.png", "cmyk.jpg", "6.avif"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with a red corner at the top left as they are stored."""
    folder = tmp_path_factory.mktemp("pictures")
    image = Image.new("RGB", (64, 32), "blue")
    image.paste("red", (0, 0, 32, 16))
    for name in (*TURNED, "1.jpg", "6.avif"):
        exif = Image.Exif()
        exif[0x0112] = int(name[0])
        image.save(folder / name, exif=exif, quality=95)
    image.convert("L").save(folder / "grey.png")
    image.convert("P").save(folder / "palette.png")
    image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    return folder


@pytest.fixture(scope="module")
def loaded(pictures: Path) -> dict[str, tuple[list[int], list[list[int]]]]:
    """What the trainer makes of each picture: its size, and two of its pixels."""
    paths = [str(pictures / name) for name in (*TURNED, *READ_RIGHTLY)]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        cwd=pictures,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("answers "))
    return {Path(path).name: answer for path, answer in json.loads(line[8:]).items()}


def is_as_seen(path: Path, answer: tuple[list[int], list[list[int]]]) -> bool:
    """Whether size and pixels are those that a viewer shows."""
    with Image.open(path) as image:
        seen = ImageOps.exif_transpose(image).convert("RGB")
    size, pixels = answer
    corners = [seen.getpixel((4, 4)), seen.getpixel((seen.width - 4, 4))]
    differences = [
        abs(got - wanted)
        for pixel, corner in zip(pixels, corners, strict=True)
        if isinstance(corner, tuple)
        for got, wanted in zip(pixel, corner, strict=True)
    ]
    return tuple(size) == seen.size and max(differences) < 40


@pytest.mark.parametrize("name", TURNED)
def test_the_trainer_loses_what_exif_says(
    pictures: Path, loaded: dict[str, tuple[list[int], list[list[int]]]], name: str
) -> None:
    assert not is_as_seen(pictures / name, loaded[name])


@pytest.mark.parametrize("name", READ_RIGHTLY)
def test_the_trainer_reads_these_as_they_are_seen(
    pictures: Path, loaded: dict[str, tuple[list[int], list[list[int]]]], name: str
) -> None:
    assert is_as_seen(pictures / name, loaded[name])
