"""The bucket plan against the real SimpleTuner: the same images, the same buckets, one by one."""

import json
import random
import re
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from discovery_child import NUM_EPOCHS
from golden_jobs import build_golden_files
from PIL import Image
from real_trainer import start_trainer_child

from tuner_kit.simpletuner.bucket_geometry import SQUARE_EDGES_PX, BucketKey, bucket_of
from tuner_kit.simpletuner.bucket_plan import BucketPlan, BucketSettings, count_buckets

pytestmark = pytest.mark.contract

CHILD = Path(__file__).with_name("discovery_child.py")
BUCKETED_JOB, CROPPED_JOB = "epochs-buckets-wandb", "tiny-lora"
"""Golden jobs whose dataset is written with `crop: none` and with `crop: center`."""

PHOTOS = [(4032, 3024), (3000, 2000), (1920, 1080), (1024, 1024), (832, 1216), (2048, 858)]
ORIENTATION_TAG = 0x0112
ROTATED = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

NUM_CASES = 240


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file of a few hundred bytes; discovery decodes PNG, and reads headers of JPEG."""

    width_px: int
    height_px: int
    """As it is seen."""
    suffix: str = ".jpg"
    orientation: int = 1

    def write(self, path: Path) -> None:
        path.with_suffix(".txt").write_text("a cat", "utf-8")
        size = (self.width_px, self.height_px)
        if self.suffix == ".png":
            Image.new("1", size).save(path, compress_level=1)
            return
        stored = size[::-1] if self.orientation in ROTATED else size
        path.write_bytes(jpeg_header(*stored, orientation=self.orientation))


@dataclass(frozen=True, slots=True)
class Case:
    number: int
    settings: BucketSettings
    pictures: tuple[Picture, ...]

    @property
    def plan(self) -> BucketPlan:
        sizes = [(each.width_px, each.height_px) for each in self.pictures]
        return count_buckets(sizes, self.settings)

    @property
    def is_below_one_batch(self) -> bool:
        """Whether upstream would remove a bucket in silence, had we not set minimum_image_size: 0."""
        smallest = min((each.num_images for each in self.plan.buckets), default=0)
        return smallest * (self.settings.repeats + 1) < self.settings.train_batch_size

    def bucket_of(self, picture: Picture) -> BucketKey | None:
        return bucket_of(
            picture.width_px,
            picture.height_px,
            resolution_px=self.settings.resolution_px,
            is_cropped=self.settings.is_cropped,
        )


def jpeg_header(width_px: int, height_px: int, *, orientation: int) -> bytes:
    """A gray JPEG up to where its pixels would begin."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    segments = [
        (0xE1, exif.tobytes()),
        (0xC0, struct.pack(">BHHB", 8, height_px, width_px, 1) + b"\x01\x11\x00"),
        (0xDA, b"\x01\x01\x00\x00\x3f\x00"),
    ]
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    )


def draw_picture(rng: random.Random) -> Picture:
    size = rng.choice(
        [
            rng.choice(PHOTOS),
            (rng.randint(21, 4000), rng.randint(21, 4000)),
            # Panoramas and strips; the narrowest have no bucket.
            (rng.randint(1, 300), rng.randint(500, 9000)),
            (rng.randint(500, 9000), rng.randint(1, 300)),
        ]
    )
    edge_px = rng.randint(1, 1500)
    return rng.choice(
        [
            Picture(*size),
            Picture(*size),
            Picture(*size, orientation=rng.randint(1, 8)),
            Picture(edge_px, edge_px, suffix=".png"),
            Picture(rng.randint(1, 20), rng.randint(1, 20), suffix=".png"),
        ]
    )


def draw_case(number: int) -> Case:
    """Draw settings and images; half of the cases are of the small batches most people train."""
    rng = random.Random(number)
    shapes = [draw_picture(rng) for _ in range(rng.randint(1, 8))]
    copies = rng.choice([1, 3, 8])
    is_small = rng.random() < 0.5
    return Case(
        number=number,
        settings=BucketSettings(
            # Every resolution comes as often as every other.
            resolution_px=64 * (1 + number % 32),
            is_cropped=rng.random() < 0.25,
            train_batch_size=rng.randint(1, 2 if is_small else 8),
            gradient_accumulation_steps=rng.randint(1, 2 if is_small else 4),
            repeats=rng.randint(0, 5),
            num_processes=1 if is_small else rng.randint(1, 4),
        ),
        pictures=tuple(shape for shape in shapes for _ in range(rng.randint(1, copies))),
    )


def settings_of(
    resolution_px: int, *, train_batch_size: int = 1, repeats: int = 0, num_processes: int = 1
) -> BucketSettings:
    return BucketSettings(
        resolution_px=resolution_px,
        is_cropped=False,
        train_batch_size=train_batch_size,
        gradient_accumulation_steps=1,
        repeats=repeats,
        num_processes=num_processes,
    )


def rare_cases() -> list[Case]:
    """What chance doesn't draw often enough."""
    uncropped = settings_of(1024)
    rare = [
        # Only shapes that are dropped.
        (uncropped, [(1, 1000), (4, 801)]),
        # The second of two processes gets one image of three: 2 views, less than a batch.
        (settings_of(512, train_batch_size=3, repeats=1, num_processes=2), [(64, 64)] * 3),
        # Two sizes with one name: 0.17 and 0.18 at 1024 px, 0.32 and 0.33 at 2048 px.
        (uncropped, [(17, 100), (18, 100), (18, 100)]),
        (settings_of(2048, train_batch_size=2), [(33, 100)] * 3 + [(32, 100)]),
        # Nearly square, where squares are enlarged.
        *[(settings_of(resolution_px), [(1020, 1000)]) for resolution_px in SQUARE_EDGES_PX],
        # The widest and the tallest shape that still has a bucket.
        (uncropped, [(9000, 1), (5, 1000)]),
    ]
    return [
        Case(NUM_CASES + index, settings, tuple(Picture(*size) for size in sizes))
        for index, (settings, sizes) in enumerate(rare)
    ]


CASES = [draw_case(number) for number in range(NUM_CASES)] + rare_cases()
ACCEPTED = [case for case in CASES if not case.plan.is_refused]
REFUSED = [case for case in CASES if case.plan.is_refused]


def case_id(case: Case) -> str:
    return f"{case.number}"


class RealDiscovery:
    """Sorts the images of each case with SimpleTuner itself, once."""

    def __init__(self, folder: Path, child: "subprocess.Popen[str]") -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._folder = folder
        self._requests: IO[str] = child.stdin
        self._answers: IO[str] = child.stdout
        self._known: dict[int, dict[str, Any]] = {}
        jobs = folder / "jobs"
        jobs.mkdir()
        files = build_golden_files(BUCKETED_JOB, jobs)
        self._config_path = jobs / "config.json"
        self._config_path.write_text(json.dumps(files.config), "utf-8")
        self._backends = {
            False: files.backend[0],
            True: build_golden_files(CROPPED_JOB, jobs).backend[0],
        }

    def sort(self, case: Case) -> dict[str, Any]:
        if case.number not in self._known:
            self._requests.write(json.dumps(self._request(case)) + "\n")
            self._requests.flush()
            line = self._answers.readline()
            assert line, f"the child ended: {(self._folder / 'stderr.txt').read_text()[-3000:]}"
            self._known[case.number] = json.loads(line)
        return self._known[case.number]

    def _request(self, case: Case) -> dict[str, object]:
        """Write the images; the dataset is described in tuner_kit's own words."""
        folder = self._folder / f"case-{case.number}"
        images = folder / "images"
        images.mkdir(parents=True)
        for number, picture in enumerate(case.pictures):
            picture.write(images / f"{number}{picture.suffix}")
        settings = case.settings
        backend: Mapping[str, object] = {
            **self._backends[settings.is_cropped],
            "id": f"case-{case.number}",
            "instance_data_dir": str(images),
            "resolution": settings.resolution_px,
            "repeats": settings.repeats,
        }
        options = {
            "output_dir": str(folder / "output"),
            "train_batch_size": settings.train_batch_size,
            "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        }
        return {
            "config_path": str(self._config_path),
            "backend": backend,
            "options": options,
            "num_processes": settings.num_processes,
        }


@pytest.fixture(scope="module")
def discovery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDiscovery]:
    folder = tmp_path_factory.mktemp("real_discovery")
    with start_trainer_child(CHILD, folder, {"SIMPLETUNER_LOG_LEVEL": "ERROR"}) as child:
        yield RealDiscovery(folder, child)


def file_names(case: Case) -> dict[str, Picture]:
    return {f"{number}{picture.suffix}": picture for number, picture in enumerate(case.pictures)}


def test_the_cases_cover_what_people_have() -> None:
    plans = [case.plan for case in CASES]

    assert len(CASES) >= 200
    assert len(ACCEPTED) >= 80
    assert len(REFUSED) >= 80
    assert {case.settings.resolution_px for case in CASES} == set(range(64, 2049, 64))
    assert sum(plan.num_dropped > 0 for plan in plans) >= 5
    assert sum(len(plan.buckets) > 3 for plan in plans) >= 50
    assert sum(case.settings.is_cropped for case in CASES) >= 40
    assert len({case.settings.num_processes for case in ACCEPTED}) == 4
    buckets = [bucket for plan in plans for bucket in plan.buckets]
    assert sum(bucket.has_mixed_sizes for bucket in buckets) >= 3
    assert sum(case.is_below_one_batch for case in CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_every_bucket_has_the_name_and_the_count_of_the_trainer(
    case: Case, discovery: RealDiscovery
) -> None:
    real = discovery.sort(case)

    assert {each.aspect_ratio: each.num_images for each in case.plan.buckets} == real["buckets"]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_the_trainer_drops_the_images_that_we_say_it_drops(
    case: Case, discovery: RealDiscovery
) -> None:
    real = discovery.sort(case)

    dropped = {
        name for name, picture in file_names(case).items() if case.bucket_of(picture) is None
    }
    assert set(file_names(case)) - set(real["placed"]) == dropped
    assert case.plan.num_dropped == len(dropped)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_every_image_is_trained_at_the_size_of_its_bucket(
    case: Case, discovery: RealDiscovery
) -> None:
    real = discovery.sort(case)
    candidates: dict[str, set[tuple[int, int]]] = {}
    for picture in case.pictures:
        if key := case.bucket_of(picture):
            candidates.setdefault(key.aspect_ratio, set()).add((key.width_px, key.height_px))

    sizes = {name: (ratio, tuple(size)) for name, (ratio, size) in real["placed"].items()}
    for name, (ratio, size) in sizes.items():
        key = case.bucket_of(file_names(case)[name])
        assert key is not None
        assert ratio == key.aspect_ratio
        # With one candidate, this is equality.
        assert size in candidates[ratio]
    assert {each.aspect_ratio for each in case.plan.buckets if each.has_mixed_sizes} == {
        ratio for ratio, found in candidates.items() if len(found) > 1
    }


@pytest.mark.parametrize("case", REFUSED, ids=case_id)
def test_the_trainer_refuses_the_same_buckets_and_wants_the_same_repeats(
    case: Case, discovery: RealDiscovery
) -> None:
    refusal = discovery.sort(case)["refusal"]

    assert refusal is not None
    too_small = [bucket for bucket in case.plan.buckets if bucket.is_refused]
    wanted = re.findall(r"Bucket (\S+): .*\n.*\n +Minimum repeats required: (\d+)", refusal)
    assert dict(wanted) == {each.aspect_ratio: str(each.min_repeats) for each in too_small}
    if too_small:
        assert f"Increase repeats to at least {case.plan.min_repeats} (current" in refusal
    else:
        assert "Dataset produced no usable samples" in refusal


@pytest.mark.parametrize("case", ACCEPTED, ids=case_id)
def test_an_epoch_has_as_many_batches_as_the_sampler_gives(
    case: Case, discovery: RealDiscovery
) -> None:
    real = discovery.sort(case)

    assert real["refusal"] is None
    assert real["drawn"]["batches"] == NUM_EPOCHS * case.plan.batches_per_epoch


@pytest.mark.parametrize(
    "case", [case for case in ACCEPTED if case.settings.num_processes == 1], ids=case_id
)
def test_an_image_is_seen_as_often_as_its_bucket_says(case: Case, discovery: RealDiscovery) -> None:
    drawn = discovery.sort(case)["drawn"]

    views = Counter[str]()
    for name, picture in file_names(case).items():
        if key := case.bucket_of(picture):
            assert drawn[name] >= NUM_EPOCHS * (case.settings.repeats + 1)
            views[key.aspect_ratio] += drawn[name]
    assert {
        each.aspect_ratio: pytest.approx(NUM_EPOCHS * each.views_per_epoch * each.num_images)
        for each in case.plan.buckets
    } == views
