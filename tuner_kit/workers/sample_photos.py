"""Cut captioned tiles from the two photographs that scikit-learn ships.

The photographs are `china.jpg` and `flower.jpg`, both 640 x 427 px, under CC BY 2.0;
scikit-learn's README.txt beside them names their authors.
"""

import sys
from typing import NamedTuple

from tuner_kit.process.messages import SamplePhotosRequest, SamplePhotosResult
from tuner_kit.workers.new_folder import new_folder
from tuner_kit.workers.runtime import Emit, run


class Tile(NamedTuple):
    """A square of one photograph, in its own pixels, and what can be seen in it."""

    photo: str
    left_px: int
    top_px: int
    size_px: int
    caption: str


TILES = (
    Tile("china", 20, 25, 370, "a chinese temple with orange roofs above green trees"),
    Tile("china", 130, 28, 150, "the orange roof of a chinese temple in front of a blue sky"),
    Tile("china", 90, 140, 128, "dark red columns and windows of a chinese temple"),
    Tile("china", 190, 240, 110, "a red balcony under the roof of a chinese temple"),
    Tile("china", 190, 300, 127, "orange and green roof tiles behind green trees"),
    Tile("china", 0, 330, 97, "the crowns of green trees"),
    Tile("china", 350, 205, 110, "small boats on a calm lake"),
    Tile("china", 385, 165, 128, "a small island in a wide lake under a hazy sky"),
    Tile("china", 505, 2, 128, "a pale blue sky with thin clouds"),
    Tile("china", 512, 130, 128, "a tall green tree beside a lake"),
    Tile("flower", 160, 75, 300, "a round orange flower in front of dark green leaves"),
    Tile("flower", 245, 155, 128, "the center of an orange flower"),
    Tile("flower", 335, 110, 115, "the petals of an orange flower and a dark background"),
    Tile("flower", 228, 258, 168, "a large orange flower above a smaller orange flower"),
    Tile("flower", 0, 70, 140, "a large blurred green leaf"),
    Tile("flower", 465, 60, 150, "a blurred dark blue green background"),
)


def sample_photos(request: SamplePhotosRequest, emit: Emit) -> SamplePhotosResult:
    """Write `01.png` and `01.txt` and so on into a new folder."""
    emit("reading the photographs")
    from PIL import Image
    from sklearn.datasets import load_sample_image

    photos = {
        name: Image.fromarray(load_sample_image(f"{name}.jpg"))
        for name in {tile.photo for tile in TILES}
    }
    tile_size = (request.tile_px, request.tile_px)
    with new_folder(request.dataset_dir) as folder:
        for number, tile in enumerate(TILES, start=1):
            right_px, bottom_px = tile.left_px + tile.size_px, tile.top_px + tile.size_px
            box = (tile.left_px, tile.top_px, right_px, bottom_px)
            picture = photos[tile.photo].resize(tile_size, Image.Resampling.LANCZOS, box=box)
            picture.save(folder / f"{number:02d}.png")
            (folder / f"{number:02d}.txt").write_text(tile.caption + "\n", encoding="utf-8")
            emit("cutting tiles", number, len(TILES))
    return SamplePhotosResult(num_images=len(TILES))


if __name__ == "__main__":
    sys.exit(run(SamplePhotosRequest, sample_photos))
