"""How reliably pictures of the shapes world are read back, and styles recognized, without a model.

1,000 drawn pictures of each kind, as drawn and worn (blurred by 1 px, noise of 8 levels).
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np
from measure import RESULTS_DIR, describe_machine
from PIL import Image, ImageFilter

from tuner_kit.workers.shapes_world.drawing import Picture, to_picture
from tuner_kit.workers.shapes_world.reading import compare, read_picture
from tuner_kit.workers.shapes_world.recognition import recognize_style
from tuner_kit.workers.shapes_world.scenes import Scene, sample_pair, sample_scene
from tuner_kit.workers.shapes_world.styles import STYLES, draw_scene

NUM_PICTURES, SEED = 1000, 17
BLUR_PX, NOISE = 1.0, 8.0
SAMPLERS: Mapping[str, Callable[[random.Random], Scene]] = {
    "one item": sample_scene,
    "two items": sample_pair,
}


def main() -> None:
    """Read all kinds and keep the rates."""
    began = time.monotonic()
    rates = {
        f"{style or 'plain'}, {kind}, {state}": _read(style, sample, is_worn=state == "worn")
        for style in (None, *STYLES)
        for kind, sample in SAMPLERS.items()
        for state in ("as drawn", "worn")
    }
    num_read = NUM_PICTURES * len(rates)
    result = {
        "title": "picture_reading",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": "python benchmarks/picture_reading.py",
        "machine": describe_machine(),
        "pictures_of_each_kind": NUM_PICTURES,
        "ms_per_picture_drawn_read_and_recognized": round(
            1000 * (time.monotonic() - began) / num_read, 1
        ),
        "rates": rates,
    }
    path = RESULTS_DIR / "picture_reading.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


def _read(
    style: str | None, sample: Callable[[random.Random], Scene], *, is_worn: bool
) -> Mapping[str, float]:
    lots, noise = random.Random(SEED), np.random.default_rng(SEED)
    found: dict[str, list[float]] = {}
    for _ in range(NUM_PICTURES):
        scene = sample(lots)
        picture = draw_scene(scene, style, lots)
        picture = _worn(picture, noise) if is_worn else picture
        agreement = compare(scene, read_picture(picture, style))
        values = {
            "ground": agreement.ground,
            "count": agreement.count,
            "color": agreement.color_rate,
            "shape": agreement.shape_rate,
            "position": agreement.position_rate,
            "style": recognize_style(picture) == style,
        }
        for name, value in values.items():
            if value is not None:
                found.setdefault(name, []).append(float(value))
    return {name: round(float(np.mean(values)), 4) for name, values in found.items()}


def _worn(picture: Picture, noise: np.random.Generator) -> Picture:
    blurred = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(BLUR_PX))
    levels = np.asarray(blurred) + noise.normal(0, NOISE, picture.shape)
    return to_picture(levels.astype(np.float32))


if __name__ == "__main__":
    main()
