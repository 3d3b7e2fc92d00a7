import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from dataset_files import write_animation, write_image, write_sideways_photo
from dataset_reading import ODD_NAMES, examined, listing
from PIL import Image
from view_building import POLICY, build, by_source, image_in, image_names, sha256_of

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.snapshot import Selection, TrainingImage
from tuner_kit.data.view import (
    build_view,
    make_hard_link,
    make_symlink,
    place_file,
)
from tuner_kit.errors import DatasetError


@pytest.fixture
def dataset_dir(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def views_dir(tmp_path: Path) -> Path:
    return tmp_path / "run" / "cache"


# ---------------------------------------------------------------- what is in it


def test_the_view_links_to_the_images_and_holds_the_final_captions(
    dataset_dir: Path, views_dir: Path
) -> None:
    cat = write_image(dataset_dir / "cat one.JPG", caption="\ufeffa cat\r\non a mat\r\n")
    dog = write_image(dataset_dir / "in" / "dog.png")

    view = build(dataset_dir, views_dir)

    cat_stem, dog_stem = f"{sha256_of(cat)[:16]}-cat_one", f"{sha256_of(dog)[:16]}-dog"
    assert {path.name for path in view.dir.iterdir()} == {
        f"{cat_stem}.jpg",
        f"{cat_stem}.txt",
        f"{dog_stem}.png",
        f"{dog_stem}.txt",
    }
    assert (view.dir / f"{cat_stem}.jpg").readlink() == cat
    assert (view.dir / f"{cat_stem}.txt").read_bytes() == b"sks, a cat on a mat"
    assert (view.dir / f"{dog_stem}.txt").read_bytes() == b"sks, a photo"
    assert view.num_images == 2
    assert view.dir.parent == views_dir
    assert view.dir.name.startswith(f"view-{view.fingerprint}-")
    assert len(view.fingerprint) == 16


def test_only_what_can_be_trained_on_is_in_the_view(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.png", caption="a cat")
    write_image(dataset_dir / "b.png")
    (dataset_dir / "c.png").write_text("not an image")
    (dataset_dir / "c.txt").write_text("a cat")
    view = build(dataset_dir, views_dir, CaptionPolicy())
    assert (view.num_images, set(by_source(view))) == (1, {"a.png"})


def test_the_links_hold_when_the_dataset_path_is_relative(
    tmp_path: Path, views_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "dataset" / "a.png")
    monkeypatch.chdir(tmp_path)
    view = build(Path("dataset"), views_dir)
    monkeypatch.chdir("/")
    assert image_in(view).read_bytes()


@pytest.mark.parametrize(
    "name",
    [*ODD_NAMES.values(), "\u65e5\u672c.png".encode(), b"+ +.png", b"x" * 200 + b".png"],
    ids=[*ODD_NAMES, "japanese", "signs", "long"],
)
def test_odd_names_become_safe_ones(dataset_dir: Path, views_dir: Path, name: bytes) -> None:
    source = write_image(dataset_dir / os.fsdecode(name))
    link = image_in(build(dataset_dir, views_dir))
    digits, _, readable = link.stem.partition("-")
    assert link.samefile(source)
    assert digits == sha256_of(source)[:16]
    assert readable.replace("_", "").replace("-", "").isalnum()
    assert readable.isascii()
    assert len(link.name) <= 61


def test_images_of_one_stem_get_names_of_their_own(dataset_dir: Path, views_dir: Path) -> None:
    for number, name in enumerate(("a.png", "a.jpg", "in/a.png")):
        write_image(dataset_dir / name, color=(number, 0, 0))
    assert len({path.stem for path in build(dataset_dir, views_dir).dir.iterdir()}) == 3


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "b/a.png", "c/a.png"),
        ("a.png", "b/a.png", "a-2.png", "b/a-2.png"),
        ("a.png", "b/a.png", "a_2.png", "2-a.png"),
        ("a.jpg", "a.jpeg", "a.jfif"),
        ("a.png", "A.png", "A.PNG"),
        ("\u65e5.png", "\u672c.png", "image.png"),
    ],
    ids=["folders", "numbers", "other numbers", "suffixes", "cases", "unreadable"],
)
def test_exact_copies_get_names_that_no_disk_takes_for_one(
    dataset_dir: Path, views_dir: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        write_image(dataset_dir / name, caption=name)
    before = listing(dataset_dir)

    view = build(dataset_dir, views_dir)

    files = {path.name.lower() for path in view.dir.iterdir()}
    num_captions = len({name.rpartition(".")[0] for name in names})
    assert len(files) == 2 * len(names)
    assert len({path.read_text() for path in view.dir.glob("*.txt")}) == num_captions
    assert len({Path(name).stem for name in files}) == len(names)
    assert listing(dataset_dir) == before


def test_an_image_between_copies_that_looks_like_no_other_keeps_its_name(
    dataset_dir: Path, views_dir: Path
) -> None:
    for name in ("a.png", "in/a.png"):
        write_image(dataset_dir / name)
    other = write_image(dataset_dir / "z" / "a.png", color=(9, 9, 9))
    assert f"{sha256_of(other)[:16]}-a.png" in image_names(build(dataset_dir, views_dir))


# ---------------------------------------------------------------- what is converted


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), (255, 0, 0)),
        ("LA", (100, 255), (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),
    ],
)
def test_transparency_is_put_on_white(
    dataset_dir: Path,
    views_dir: Path,
    mode: str,
    color: tuple[int, ...],
    expected: tuple[int, int, int],
) -> None:
    source = write_image(dataset_dir / "a.png", mode=mode, color=color)
    converted = image_in(build(dataset_dir, views_dir))
    assert converted.name == f"{sha256_of(source)[:16]}-a.png"
    assert not converted.is_symlink()
    with Image.open(converted) as image:
        assert (image.mode, image.getpixel((5, 5))) == ("RGB", expected)


def test_a_transparent_palette_color_is_put_on_white(dataset_dir: Path, views_dir: Path) -> None:
    dataset_dir.mkdir()
    image = Image.new("P", (64, 64), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 1), 1)
    image.save(dataset_dir / "a.png", transparency=0)
    with Image.open(image_in(build(dataset_dir, views_dir))) as flat:
        assert flat.getpixel((0, 0)) == (255, 255, 255)
        assert flat.getpixel((1, 1)) == (0, 255, 0)


def test_cmyk_becomes_rgb(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.tif", mode="CMYK", color=(0, 255, 255, 0))
    converted = image_in(build(dataset_dir, views_dir))
    with Image.open(converted) as image:
        assert (converted.suffix, image.getpixel((0, 0))) == (".png", (255, 0, 0))


def test_the_first_frame_of_an_animation_is_used(dataset_dir: Path, views_dir: Path) -> None:
    dataset_dir.mkdir()
    write_animation(dataset_dir / "a.png", first="red", second="blue")
    with Image.open(image_in(build(dataset_dir, views_dir))) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.getpixel((0, 0)) == (255, 0, 0)


def test_a_photo_of_a_phone_is_turned_because_the_trainer_does_not(
    dataset_dir: Path, views_dir: Path
) -> None:
    dataset_dir.mkdir()
    write_sideways_photo(dataset_dir / "a.jpg")
    with Image.open(image_in(build(dataset_dir, views_dir))) as upright:
        assert (upright.size, upright.format) == ((64, 128), "JPEG")


def test_a_converted_sideways_image_stands_upright(dataset_dir: Path, views_dir: Path) -> None:
    dataset_dir.mkdir()
    image = Image.new("RGBA", (128, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(dataset_dir / "a.png", exif=exif)
    with Image.open(image_in(build(dataset_dir, views_dir))) as upright:
        assert upright.size == (64, 128)
        assert "exif" not in upright.info


# ---------------------------------------------------------------- whole or not at all


def test_the_dataset_folder_is_only_read(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.jpg", caption="a cat")
    write_image(dataset_dir / "in" / "a.jpg", caption="a cat")
    write_image(dataset_dir / "in" / "b.png", mode="RGBA", caption="a\ncat")
    for folder in (dataset_dir / "in", dataset_dir):
        folder.chmod(0o555)
    before = listing(dataset_dir)

    view = build(dataset_dir, views_dir)
    (view.dir / "aspect_ratio_bucket_indices_cats.json").write_text("{}")
    shutil.rmtree(view.dir)

    assert listing(dataset_dir) == before
    for folder in (dataset_dir / "in", dataset_dir):
        folder.chmod(0o755)


def test_an_interrupted_build_leaves_no_view_and_the_next_one_starts_over(
    dataset_dir: Path, views_dir: Path
) -> None:
    for number in range(3):
        write_image(dataset_dir / f"{number}.png", color=(number, 0, 0), caption="a cat")
    with examined(dataset_dir) as snapshot:
        images = list(Selection(POLICY).images(snapshot))
    counts = iter(range(1))

    def interrupted() -> Iterator[TrainingImage]:
        """Stop in the second pass: the first is for the fingerprint."""
        is_first_pass = next(counts, None) is not None
        yield from images[:1]
        if not is_first_pass:
            raise KeyboardInterrupt
        yield from images[1:]

    with pytest.raises(KeyboardInterrupt):
        build_view(interrupted, dataset_dir, views_dir)
    left = [path.name for path in views_dir.iterdir()]
    view = build(dataset_dir, views_dir)

    assert all(name.endswith(".partial") for name in left)
    assert view.num_images == len(image_names(view)) == 3
    assert [path.name for path in views_dir.iterdir()] == [view.dir.name]


def test_what_an_interrupted_build_left_is_replaced(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.png")
    view = build(dataset_dir, views_dir)
    whole = {path.name for path in view.dir.iterdir()}
    partial_dir = view.dir.rename(f"{view.dir}.partial")
    write_image(partial_dir / "0123456789abcdef-old.png")

    build(dataset_dir, views_dir)

    assert not partial_dir.exists()
    assert {path.name for path in view.dir.iterdir()} == whole


def test_an_image_that_cannot_be_converted_any_more_leaves_no_view(
    dataset_dir: Path, views_dir: Path
) -> None:
    write_image(dataset_dir / "a.png", mode="RGBA")
    with examined(dataset_dir) as snapshot:
        (dataset_dir / "a.png").unlink()
        with pytest.raises(FileNotFoundError):
            build_view(partial(Selection(POLICY).images, snapshot), dataset_dir, views_dir)
    assert not [path for path in views_dir.iterdir() if path.suffix != ".partial"]


def test_a_complete_view_is_reused(dataset_dir: Path, views_dir: Path) -> None:
    write_image(dataset_dir / "a.png", mode="LA")
    first = build(dataset_dir, views_dir)
    bucket_path = first.dir / "aspect_ratio_bucket_indices_cats.json"
    bucket_path.write_text("{}")
    before = listing(first.dir)
    assert build(dataset_dir, views_dir) == first
    assert listing(first.dir) == before


@pytest.mark.parametrize("inside", ["runs/cache", "."])
def test_a_view_inside_the_dataset_is_refused(dataset_dir: Path, inside: str) -> None:
    write_image(dataset_dir / "a.png")
    before = listing(dataset_dir)
    with pytest.raises(DatasetError) as caught:
        build(dataset_dir, dataset_dir / inside)
    assert caught.value.problems[0].id == "D13"
    assert listing(dataset_dir) == before


def test_a_view_inside_the_dataset_by_way_of_a_link_is_refused(
    tmp_path: Path, dataset_dir: Path
) -> None:
    write_image(dataset_dir / "a.png")
    (tmp_path / "runs").symlink_to(dataset_dir / "in")
    with pytest.raises(DatasetError, match="inside the dataset"):
        build(dataset_dir, tmp_path / "runs" / "cache")


# ---------------------------------------------------------------- ways to place a file


def refuse(source_path: Path, target_path: Path) -> None:
    raise OSError(f"{target_path} can't be a link to {source_path}")


def test_a_file_is_linked_by_content_where_names_do_not_work(tmp_path: Path) -> None:
    source_path = write_image(tmp_path / "a.png")
    place_file(source_path, tmp_path / "b.png", ways=(refuse, make_hard_link, refuse))
    assert not (tmp_path / "b.png").is_symlink()
    assert (tmp_path / "b.png").samefile(source_path)


def test_a_file_is_copied_where_no_link_works(tmp_path: Path) -> None:
    source_path = write_image(tmp_path / "a.png")
    place_file(source_path, tmp_path / "b.png", ways=(refuse, refuse, shutil.copyfile))
    assert not (tmp_path / "b.png").samefile(source_path)
    assert (tmp_path / "b.png").read_bytes() == source_path.read_bytes()


def test_a_symlink_is_preferred(tmp_path: Path) -> None:
    source_path = write_image(tmp_path / "a.png")
    place_file(source_path, tmp_path / "b.png", ways=(make_symlink, refuse))
    assert (tmp_path / "b.png").readlink() == source_path


def test_a_file_that_is_there_already_is_not_written_through(tmp_path: Path) -> None:
    theirs, ours = write_image(tmp_path / "a.png"), write_image(tmp_path / "b.png", size=(8, 8))
    place_file(theirs, tmp_path / "link.png")
    before = theirs.read_bytes()
    with pytest.raises(FileExistsError):
        place_file(ours, tmp_path / "link.png")
    assert theirs.read_bytes() == before
