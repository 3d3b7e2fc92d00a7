"""Reads folders as the commands do, and looks at their pixels without starting a worker."""

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tuner_kit.data.decode import DECODE_ERRORS, pillow_warnings_ignored
from tuner_kit.data.inventory import Inventory
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.read_dataset import DatasetSource, read_dataset
from tuner_kit.data.records import Header, ImageRecord, PixelFacts, SkipReason
from tuner_kit.data.snapshot import DatasetSnapshot

ODD_NAMES = {
    "spaces": b" a  b .png",
    "quotes": b'it\'s "a" `b`.png',
    "newline": b"a\nb\r.png",
    "emoji": "\N{FOX FACE}\N{ZERO WIDTH JOINER}.png".encode(),
    "latin-1": b"caf\xe9.png",
    "broken utf-8": b"\xf0\x9f\xa6.png",
    "backslash": b"a\\b.png",
    "dash": b"--yes.png",
    "percent": b"%20%s{0}$HOME.png",
    "accents apart": "cafe\N{COMBINING ACUTE ACCENT}.png".encode(),
}
"""Names of images that a disk takes, and programs stumble over."""

_NOBODY = 65534


def read(root: Path, layout: str = "auto", *, prompt: str | None = None) -> DatasetSnapshot:
    """Read a folder; the caller closes the snapshot."""
    return read_dataset(DatasetSource(root, str(root), layout, LayoutOptions(prompt)))


@contextmanager
def examined(root: Path, groups: Mapping[str, int] | None = None) -> Iterator[DatasetSnapshot]:
    """Read a folder, and look at the pixels of what is new."""
    with read(root) as snapshot:
        look(snapshot.inventory, groups)
        yield snapshot


def look(inventory: Inventory, groups: Mapping[str, int] | None = None) -> list[str]:
    """Decode what is new, and name it; without `groups` only exact copies look alike."""
    names = list(inventory.images_to_decode())
    inventory.save_pixels((name, facts_of(inventory.root / name)) for name in names)
    inventory.save_groups(_copies(inventory) if groups is None else groups)
    return names


def facts_of(image_path: Path) -> PixelFacts:
    """Say what matters to the fast side: whether it can be decoded, and its hash."""
    try:
        with pillow_warnings_ignored(), Image.open(image_path) as image:
            image.load()
    except DECODE_ERRORS as error:
        return PixelFacts(fault=str(error).replace(str(image_path), "it"))
    sha256 = hashlib.sha256(image_path.read_bytes()).hexdigest()
    return PixelFacts(None, sha256, perceptual_hash=-7, sharpness=1.5, color_layout=bytes(48))


def _copies(inventory: Inventory) -> dict[str, int]:
    by_hash: dict[str, list[str]] = defaultdict(list)
    for image in inventory.records():
        if image.pixels is not None and image.pixels.fault is None:
            by_hash[image.pixels.sha256].append(image.name)
    alike = [names for names in by_hash.values() if len(names) > 1]
    return {name: number for number, names in enumerate(alike, start=1) for name in names}


def record(name: str, *, sha256: str = "", group: int = 0) -> ImageRecord:
    """Make up an image that was looked at."""
    return ImageRecord(
        name=name,
        root=Path("/photos"),
        size_bytes=1,
        header=Header(64, 64, "RGB", "PNG"),
        caption=None,
        pixels=PixelFacts(None, sha256 or sha256_of_text(name), near_group=group),
    )


def sha256_of_text(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def names_of(snapshot: DatasetSnapshot) -> list[str]:
    return [image.name for image in snapshot.inventory.records()]


def skipped(snapshot: DatasetSnapshot) -> dict[str, SkipReason]:
    return {item.name: item.reason for item in snapshot.inventory.skipped()}


def change_in_secret(path: Path) -> None:
    """Change one byte of a file that keeps its size and its time."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Give time, mode and content of all that is in a folder, and of itself."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *sorted(folder.rglob("*")))
    }


def load_what_reading_needs(folder: Path) -> None:
    """Import late what reading imports late, as long as our own files may be read."""
    (folder / "first").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "first" / "a.png")
    with examined(folder / "first"):
        pass


@contextmanager
def public_folder() -> Iterator[Path]:
    """Make a folder that everybody may enter and write to; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def ordinary_rights() -> Iterator[None]:
    """Go on as a person whom permissions stop, also where the tests run as administrator."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
