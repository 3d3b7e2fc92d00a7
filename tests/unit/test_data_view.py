import os
import shutil
from pathlib import Path

import pytest
from dataset_files import write_animation, write_image, write_sideways_photo
from PIL import Image

from tuner_kit.data.captions import CaptionPolicy
from tuner_kit.data.read_folder import read_folder
from tuner_kit.data.view import (
    DatasetView,
    build_view,
    fingerprint_view,
    make_hard_link,
    make_symlink,
    place_file,
)
from tuner_kit.errors import DatasetError

POLICY = CaptionPolicy(trigger_word="sks", fallback_caption="a photo")


@pytest.fixture
def dataset_dir(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def view_dir(tmp_path: Path) -> Path:
    return tmp_path / "run" / "view"


def build(dataset_dir: Path, view_dir: Path, policy: CaptionPolicy = POLICY) -> DatasetView:
    return build_view(read_folder(dataset_dir), view_dir, caption_for=policy.caption_for)


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def test_the_view_links_to_the_images_and_holds_the_final_captions(
    dataset_dir: Path, view_dir: Path
) -> None:
    write_image(dataset_dir / "cat one.JPG", caption="\ufeffa cat\r\non a mat\r\n")
    write_image(dataset_dir / "in" / "dog.png")

    view = build(dataset_dir, view_dir)

    assert sorted(path.name for path in view_dir.iterdir()) == [
        "00001-cat_one.jpg",
        "00001-cat_one.txt",
        "00002-dog.png",
        "00002-dog.txt",
    ]
    link = view_dir / "00001-cat_one.jpg"
    assert link.is_symlink()
    assert link.samefile(dataset_dir / "cat one.JPG")
    assert (view_dir / "00001-cat_one.txt").read_bytes() == b"sks, a cat on a mat"
    assert view == DatasetView(
        dir=view_dir,
        num_images=2,
        num_converted=0,
        captions=("sks, a cat on a mat", "sks, a photo"),
    )


def test_the_links_hold_when_the_dataset_path_is_relative(
    tmp_path: Path, view_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "dataset" / "a.png")
    monkeypatch.chdir(tmp_path)
    build(Path("dataset"), view_dir)
    monkeypatch.chdir("/")
    assert (view_dir / "00001-a.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["\u65e5\u672c.png", "+ +.png", "%20.png", "a\nb'\".png", "x" * 200 + ".png"]
)
def test_odd_names_become_safe_ones(dataset_dir: Path, view_dir: Path, name: str) -> None:
    write_image(dataset_dir / name)
    build(dataset_dir, view_dir)
    image_name = next(path.name for path in view_dir.iterdir() if path.suffix == ".png")
    assert image_name.isascii()
    assert len(image_name) <= 50
    assert image_name.removeprefix("00001-").removesuffix(".png").replace("_", "").isalnum()


def test_images_of_one_stem_get_names_of_their_own(dataset_dir: Path, view_dir: Path) -> None:
    for name in ("a.png", "a.jpg", "in/a.png"):
        write_image(dataset_dir / name)
    build(dataset_dir, view_dir)
    assert len({path.stem for path in view_dir.iterdir()}) == 3


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
    view_dir: Path,
    mode: str,
    color: tuple[int, ...],
    expected: tuple[int, int, int],
) -> None:
    write_image(dataset_dir / "a.png", mode=mode, color=color)
    assert build(dataset_dir, view_dir).num_converted == 1
    with Image.open(view_dir / "00001-a.png") as image:
        assert (image.mode, image.getpixel((5, 5))) == ("RGB", expected)


def test_a_transparent_palette_color_is_put_on_white(dataset_dir: Path, view_dir: Path) -> None:
    dataset_dir.mkdir()
    image = Image.new("P", (64, 64), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 1), 1)
    image.save(dataset_dir / "a.png", transparency=0)
    build(dataset_dir, view_dir)
    with Image.open(view_dir / "00001-a.png") as flat:
        assert flat.getpixel((0, 0)) == (255, 255, 255)
        assert flat.getpixel((1, 1)) == (0, 255, 0)


def test_cmyk_becomes_rgb(dataset_dir: Path, view_dir: Path) -> None:
    write_image(dataset_dir / "a.tif", mode="CMYK", color=(0, 255, 255, 0))
    build(dataset_dir, view_dir)
    with Image.open(view_dir / "00001-a.png") as image:
        assert image.getpixel((0, 0)) == (255, 0, 0)


def test_the_first_frame_of_an_animation_is_used(dataset_dir: Path, view_dir: Path) -> None:
    dataset_dir.mkdir()
    write_animation(dataset_dir / "a.png", first="red", second="blue")
    build(dataset_dir, view_dir)
    with Image.open(view_dir / "00001-a.png") as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.getpixel((0, 0)) == (255, 0, 0)


def test_a_sideways_photo_is_linked_because_the_trainer_turns_it(
    dataset_dir: Path, view_dir: Path
) -> None:
    dataset_dir.mkdir()
    write_sideways_photo(dataset_dir / "a.jpg")
    assert build(dataset_dir, view_dir).num_converted == 0
    assert (view_dir / "00001-a.jpg").is_symlink()


def test_a_converted_sideways_image_stands_upright(dataset_dir: Path, view_dir: Path) -> None:
    dataset_dir.mkdir()
    image = Image.new("RGBA", (128, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(dataset_dir / "a.png", exif=exif)
    build(dataset_dir, view_dir)
    with Image.open(view_dir / "00001-a.png") as upright:
        assert upright.size == (64, 128)
        assert "exif" not in upright.info


def test_the_dataset_folder_is_only_read(dataset_dir: Path, view_dir: Path) -> None:
    write_image(dataset_dir / "a.jpg", caption="a cat")
    write_image(dataset_dir / "in" / "b.png", mode="RGBA", caption="a\ncat")
    for folder in (dataset_dir / "in", dataset_dir):
        folder.chmod(0o555)
    before = (listing(dataset_dir), dataset_dir.stat().st_mtime_ns)

    build(dataset_dir, view_dir)
    shutil.rmtree(view_dir)

    assert (listing(dataset_dir), dataset_dir.stat().st_mtime_ns) == before
    for folder in (dataset_dir / "in", dataset_dir):
        folder.chmod(0o755)


def test_what_an_interrupted_build_left_is_replaced(dataset_dir: Path, view_dir: Path) -> None:
    write_image(dataset_dir / "a.png")
    partial_dir = view_dir.with_name("view.partial")
    write_image(partial_dir / "00007-old.png")
    build(dataset_dir, view_dir)
    assert not partial_dir.exists()
    assert sorted(path.name for path in view_dir.iterdir()) == ["00001-a.png", "00001-a.txt"]


def test_a_complete_view_is_reused(dataset_dir: Path, view_dir: Path) -> None:
    write_image(dataset_dir / "a.png", mode="LA")
    first = build(dataset_dir, view_dir)
    before = listing(view_dir)
    (view_dir / "aspect_ratio_bucket_indices_cats.json").write_text("{}")
    second = build(dataset_dir, view_dir)
    assert second == first
    assert before.items() <= listing(view_dir).items()
    assert (view_dir / "aspect_ratio_bucket_indices_cats.json").exists()


def test_an_unusable_caption_leaves_no_view(dataset_dir: Path, view_dir: Path) -> None:
    write_image(dataset_dir / "a.png", caption=b"\xff")
    with pytest.raises(DatasetError, match=r"a\.png is not UTF-8"):
        build(dataset_dir, view_dir)
    assert not view_dir.parent.exists()


@pytest.mark.parametrize("inside", ["runs/view", "."])
def test_a_view_inside_the_dataset_is_refused(dataset_dir: Path, inside: str) -> None:
    write_image(dataset_dir / "a.png")
    before = listing(dataset_dir)
    with pytest.raises(DatasetError) as caught:
        build(dataset_dir, dataset_dir / inside)
    assert caught.value.problems[0].id == "D13"
    assert listing(dataset_dir) == before


def test_the_fingerprint_of_a_view_changes_with_the_final_captions(dataset_dir: Path) -> None:
    write_image(dataset_dir / "a.png")
    snapshot = read_folder(dataset_dir)

    def fingerprint(policy: CaptionPolicy) -> str:
        return fingerprint_view(snapshot, caption_for=policy.caption_for)

    assert fingerprint(POLICY) == fingerprint(POLICY)
    assert fingerprint(POLICY) != fingerprint(CaptionPolicy(fallback_caption="a photo"))


def test_the_fingerprint_of_a_view_is_that_of_its_content_not_of_its_place(
    tmp_path: Path,
) -> None:
    def fingerprint(folder: Path) -> str:
        return fingerprint_view(read_folder(folder), caption_for=POLICY.caption_for)

    image_path = write_image(tmp_path / "here" / "a.png", caption="a cat")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    os.utime(tmp_path / "there" / "a.png", (1, 1))
    before = fingerprint(tmp_path / "here")
    assert fingerprint(tmp_path / "there") == before

    # Another picture of the same size and time: the trainer itself would not notice.
    stat = image_path.stat()
    content = bytearray(image_path.read_bytes())
    content[-20] ^= 1
    image_path.write_bytes(content)
    os.utime(image_path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert fingerprint(tmp_path / "here") != before


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
