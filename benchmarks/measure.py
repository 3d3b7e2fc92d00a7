"""What every comparison here shares: medians of alternating runs, the machine, the result file."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS_DIR = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took."""

    wall_s: float
    cpu_s: float
    """User and system time of the process and its children."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One side of a comparison."""

    name: str
    run: Callable[[], Cost]


def run_command(
    argv: Sequence[str], *, env: Mapping[str, str], workdir: Path, expected: Sequence[int] = (0,)
) -> Cost:
    """Run a command to its end and measure it; an unexpected exit code stops the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        list(argv), env=dict(env), cwd=workdir, capture_output=True, text=True, check=False
    )
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in expected:
        sys.exit(
            f"{argv} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall_s, cpu_s)


def compare(title: str, contenders: Sequence[Contender], *, repeats: int) -> None:
    """Run the contenders in turn, print medians and the ratio, and keep the result.

    Args:
        title: names the result file.
        contenders: ours first.
        repeats: measured rounds; one more before them warms the disk cache.
    """
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    for number in range(repeats + 1):
        for contender in contenders:
            cost = contender.run()
            if number:
                costs[contender.name].append(cost)
                print(f"{contender.name:<40} {cost.wall_s:8.3f} s wall {cost.cpu_s:8.3f} s CPU")
    medians = {
        name: Cost(
            statistics.median(cost.wall_s for cost in measured),
            statistics.median(cost.cpu_s for cost in measured),
        )
        for name, measured in costs.items()
    }
    ours, theirs = (medians[contender.name] for contender in contenders)
    result = {
        "title": title,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python benchmarks/{Path(sys.argv[0]).name}",
        "machine": describe_machine(),
        "repeats": repeats,
        "medians": {name: asdict(cost) for name, cost in medians.items()},
        "ratio_wall": round(ours.wall_s / theirs.wall_s, 4),
        "ratio_cpu": round(ours.cpu_s / theirs.cpu_s, 4),
        "all": {name: [asdict(cost) for cost in measured] for name, measured in costs.items()},
    }
    RESULTS_DIR.mkdir(exist_ok=True)
    path = RESULTS_DIR / f"{title}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"\nours / theirs: {result['ratio_wall']} wall, {result['ratio_cpu']} CPU -> {path}")


def describe_machine() -> str:
    """Name the processor, the cores and the system."""
    model = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
        model = next(
            (s.partition(":")[2].strip() for s in lines if s.startswith("model name")), model
        )
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )
