"""How soon a folder of 10,000 JPEGs is understood: `tuner-kit check --data` beside the trainer.

    python benchmarks/dataset_scan.py [--folder DIR] [--no-memory]

The pictures are generated, of mixed shapes from 512 to 1536 px. The trainer's discovery reads
no captions, so there are none at first: one prompt is for all. Then each has a file of its own.
Every command starts in a process of its own; ours first without anything remembered, then again.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil
from measure import RESULTS_DIR, describe_machine
from PIL import Image

NUM_IMAGES = 10_000
RESOLUTION_PX = 1024
REPEATS = 3
SMALL_EDGES_PX = (48, 96)
"""Of the pictures for the memory: their number matters there, not their size."""
MEMORY_COUNTS = (1_000, 10_000, 100_000)
_HANGING_S = 90.0
_MAX_ATTEMPTS = 3
DISCOVERY = Path(__file__).with_name("simpletuner_discovery.py")

_OURS = """
import json, sys, time
from pathlib import Path
from tuner_kit.stages.check_data import DataQuestion, check_data
question = DataQuestion(data_dir=Path(sys.argv[1]), is_cropped=False,
                        instance_prompt=None if sys.argv[4] == "own" else "a thing",
                        resolution_px=int(sys.argv[2]), plans_only=sys.argv[3] == "plan")
begun = time.perf_counter()
report = check_data(question, lambda event: None)
seconds = time.perf_counter() - begun
buckets = {b.aspect_ratio: b.num_images for part in report.plan.parts for b in part.buckets}
print(json.dumps({"buckets": buckets, "work_s": seconds}))
"""


def main() -> None:
    """Measure, compare the bucket tables, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the 10,000 pictures are kept")
    parser.add_argument("--no-memory", action="store_true", help="leave out the 100,000 files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name) / "pictures"
        if not folder.exists():
            generate(folder, NUM_IMAGES, (512, 1536))
        result = {**_time_all(folder, Path(name)), "date": f"{datetime.now(UTC):%Y-%m-%d}"}
        if not options.no_memory:
            result["peak_mib"] = _measure_memory(Path(name))
    path = RESULTS_DIR / "dataset_scan.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"-> {path}")


def generate(folder: Path, count: int, edges_px: tuple[int, int]) -> None:
    """Draw JPEGs; the same numbers give the same pictures."""
    folder.mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_draw, folder, edges_px), range(count), chunksize=200))


def _draw(folder: Path, edges_px: tuple[int, int], number: int) -> None:
    rng = random.Random(number)
    size = (rng.randint(*edges_px), rng.randint(*edges_px))
    tiles = Image.frombytes("RGB", (16, 12), rng.randbytes(16 * 12 * 3))
    path = folder / f"img_{number:06d}.jpg"
    tiles.resize(size, Image.Resampling.BICUBIC).save(path, quality=88)


def give_captions(folder: Path, captioned: Path) -> None:
    """Link to the pictures from another folder, with a caption file for each."""
    captioned.mkdir()
    for number, path in enumerate(sorted(folder.glob("*.jpg"))):
        link = captioned / path.name
        link.symlink_to(path.absolute())
        link.with_suffix(".txt").write_text(f"picture {number} of a thing", encoding="utf-8")


def _time_all(folder: Path, scratch: Path) -> dict[str, object]:
    """Run every contender in turn; the first round only warms the disk cache."""
    runs: dict[str, list[Mapping[str, float]]] = {}
    tables: dict[str, object] = {}
    captioned = scratch / "captioned"
    give_captions(folder, captioned)
    for number in range(REPEATS + 1):
        cache = scratch / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        contenders = {
            "SimpleTuner's discovery": [sys.executable, str(DISCOVERY), str(folder)],
            "plan only, first": _ours(folder, "plan"),
            "plan only, again": _ours(folder, "plan"),
            "full audit, first": _ours(folder, "full"),
            "full audit, again": _ours(folder, "full"),
            "plan only, first, with captions": _ours(captioned, "plan", "own"),
            "full audit, first, with captions": _ours(captioned, "full", "own"),
            "full audit, again, with captions": _ours(captioned, "full", "own"),
        }
        for title, command in contenders.items():
            found, measured = _run(command, cache)
            if not title.startswith("full"):  # a full audit holds out 100 images
                tables[title] = found
            if number:
                runs.setdefault(title, []).append(measured)
                print(f"{title:<34} {measured['work_s']:8.2f} s work {measured['wall_s']:8.2f} s")
    (table,) = {json.dumps(found, sort_keys=True) for found in tables.values()}
    return _summarize(runs) | {"num_images": NUM_IMAGES, "buckets": json.loads(table), "all": runs}


def _ours(folder: Path, kind: str, captions: str = "one") -> list[str]:
    return [sys.executable, "-c", _OURS, str(folder), str(RESOLUTION_PX), kind, captions]


def _run(command: Sequence[str], cache: Path) -> tuple[object, dict[str, float]]:
    if command[1] == str(DISCOVERY):
        command = [*command, str(RESOLUTION_PX)]
    env = {**os.environ, "XDG_CACHE_HOME": str(cache), "HF_HUB_OFFLINE": "1"}
    for _ in range(_MAX_ATTEMPTS):
        begun = time.perf_counter()
        try:
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, check=True, timeout=_HANGING_S
            )
        except subprocess.TimeoutExpired:  # SimpleTuner's discovery was seen waiting for ever
            print(f"hung: {' '.join(command[:2])}")
            continue
        break
    else:
        sys.exit(f"{command} hung {_MAX_ATTEMPTS} times")
    wall_s = time.perf_counter() - begun
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["buckets"], {"work_s": answer["work_s"], "wall_s": wall_s}


def _summarize(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, object]:
    medians = {
        title: {key: statistics.median(run[key] for run in measured) for key in measured[0]}
        for title, measured in runs.items()
    }
    theirs, plan = medians["SimpleTuner's discovery"], medians["plan only, first"]
    first, again = medians["full audit, first"], medians["full audit, again"]
    return {
        "title": "dataset_scan",
        "command": "python benchmarks/dataset_scan.py",
        "machine": describe_machine(),
        "repeats": REPEATS,
        "medians": medians,
        "images_per_s": {title: NUM_IMAGES / cost["work_s"] for title, cost in medians.items()},
        "ratios": {
            "discovery / plan only, the work alone": theirs["work_s"] / plan["work_s"],
            "discovery / plan only, whole commands": theirs["wall_s"] / plan["wall_s"],
            "full audit, first / again, whole commands": first["wall_s"] / again["wall_s"],
            "full audit, first / again, with captions": (
                medians["full audit, first, with captions"]["wall_s"]
                / medians["full audit, again, with captions"]["wall_s"]
            ),
        },
    }


def _measure_memory(scratch: Path) -> dict[str, dict[str, float]]:
    """Give the peak memory of the whole process tree, for more and more small files."""
    peaks: dict[str, dict[str, float]] = {}
    for count in MEMORY_COUNTS:
        folder, cache = scratch / f"small-{count}", scratch / f"cache-{count}"
        generate(folder, count, SMALL_EDGES_PX)
        for kind in ("plan", "full"):
            peak = _peak_mib(_ours(folder, kind), cache)
            peaks.setdefault(kind, {})[str(count)] = peak
            print(f"{kind:<6} {count:>7} files: {peak:6.0f} MiB")
        shutil.rmtree(folder)
    return peaks


def _peak_mib(command: Sequence[str], cache: Path) -> float:
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    child = psutil.Popen(command, env=env, stdout=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        peak = max(peak, _tree_bytes(child))
        time.sleep(0.02)
    if child.returncode:
        sys.exit(f"{command} ended with {child.returncode}")
    return peak / 2**20


def _tree_bytes(root: psutil.Process) -> int:
    total = 0
    try:
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


if __name__ == "__main__":
    main()
