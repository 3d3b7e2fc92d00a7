"""Draw a folder of captioned pictures of the shapes world, plain or in one style.

The captions say what is in the pictures and never name the style: its word is the trigger
word of the dataset's configuration.
"""

import sys

from PIL import Image

from tuner_kit.process.messages import DrawShapesRequest, DrawShapesResult
from tuner_kit.workers.new_folder import new_folder
from tuner_kit.workers.numbered_scenes import draw_numbered_scene, verify_style
from tuner_kit.workers.runtime import Emit, run
from tuner_kit.workers.shapes_world.captions import exact_caption


def draw_shapes(request: DrawShapesRequest, emit: Emit) -> DrawShapesResult:
    """Write `01.png` and `01.txt` and so on into a new folder."""
    if request.style is not None:
        verify_style(request.style)
    captions: list[str] = []
    with new_folder(request.dataset_dir) as folder:
        for number in range(1, request.num_pictures + 1):
            scene, picture = draw_numbered_scene(request.seed, number, request.style)
            captions.append(exact_caption(scene))
            Image.fromarray(picture).save(folder / f"{number:02d}.png")
            (folder / f"{number:02d}.txt").write_text(captions[-1] + "\n", encoding="utf-8")
            emit("drawing pictures", number, request.num_pictures)
    return DrawShapesResult(captions=tuple(captions))


if __name__ == "__main__":
    sys.exit(run(DrawShapesRequest, draw_shapes))
