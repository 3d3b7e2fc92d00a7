"""Why a trainer stopped, read from logs as it writes them."""

from pathlib import Path

import pytest

from tuner_kit.simpletuner.diagnosis import diagnose

INFO = "\x1b[0m[RANK 0] \x1b[32m2026-11-21 08:49:01,114 [INFO] Loading\x1b[0m"
ERROR = "\x1b[0m[RANK 0] \x1b[31m2026-11-21 08:49:02,532 [ERROR] Failed to load {what}\x1b[0m"
BAR = "Epoch 1/2, Steps:  5%|5     | 3/60 [00:06<02:00]\rEpoch 1/2, Steps: 10%|#  | 6/60\r"
TRACEBACK = 'Traceback (most recent call last):\n  File "trainer.py", line 7184, in train'


def log(folder: Path, *lines: str) -> Path:
    path = folder / "trainer.log"
    path.write_bytes("\n".join([INFO, *lines, ""]).encode())
    return path


@pytest.mark.parametrize(
    ("line", "what", "problem_id"),
    [
        pytest.param(
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 192.00 MiB.",
            "the GPU ran out of memory",
            "T01",
            id="GPU memory",
        ),
        pytest.param(
            "OSError: [Errno 28] No space left on device: '/runs'",
            "the disk is full",
            "T01",
            id="disk",
        ),
        pytest.param(
            "ValueError: Non-finite training loss detected at step 12",
            "the loss became NaN or infinite",
            "T01",
            id="NaN",
        ),
        pytest.param(
            "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: 1)",
            "the base model is gated and this account has no access",
            "A01",
            id="gated",
        ),
        pytest.param(
            "RuntimeError: Error(s) in loading state_dict: size mismatch for x.lora_A.weight",
            "the checkpoint has another shape than the adapter",
            "T01",
            id="other rank",
        ),
    ],
)
def test_a_known_failure_is_named(tmp_path: Path, line: str, what: str, problem_id: str) -> None:
    found = diagnose(log(tmp_path, TRACEBACK, line, INFO))

    assert (found.what, found.problem_id) == (what, problem_id)
    assert found.lines[-1] == line


def test_an_unknown_failure_is_its_last_exception(tmp_path: Path) -> None:
    first, last = "KeyError: 'accumulated_decay'", "accelerate.errors.LaunchError: it failed"

    found = diagnose(log(tmp_path, TRACEBACK, first, TRACEBACK, last))

    assert found.what == last
    assert found.lines == (first, last)


def test_refused_options_are_quoted(tmp_path: Path) -> None:
    usage = "usage: train.py [-h] [--model_family X]"
    refusal = "train.py: error: unrecognized arguments: --bogus_option=3"

    found = diagnose(log(tmp_path, usage, refusal))

    assert found.what == "it refused its options: unrecognized arguments: --bogus_option=3"
    assert found.lines == (refusal,)


def test_progress_bars_and_colors_do_not_hide_the_reason(tmp_path: Path) -> None:
    found = diagnose(log(tmp_path, BAR + ERROR.format(what="x"), BAR + "OSError: no"))

    assert found.what == "OSError: no"
    assert found.lines == (
        "[RANK 0] 2026-11-21 08:49:02,532 [ERROR] Failed to load x",
        "OSError: no",
    )


def test_a_bar_that_ends_its_line_does_not_hide_what_is_before_it(tmp_path: Path) -> None:
    found = diagnose(log(tmp_path, "ValueError: no\r"))

    assert found.what == "ValueError: no"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"], ids=["none", "empty", "binary"])
def test_a_log_without_a_reason_says_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "trainer.log"
    if content is not None:
        path.write_bytes(content)

    found = diagnose(path)

    assert (found.what, found.lines) == ("it gave no reason", ())


def test_only_the_end_of_a_long_log_counts(tmp_path: Path) -> None:
    path = log(tmp_path, "OSError: long ago", *[INFO] * 500)

    assert diagnose(path).what == "it gave no reason"


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    found = diagnose(log(tmp_path, "ValueError: " + "x" * 5000))

    assert len(found.what) == 300
    assert all(len(line) <= 300 for line in found.lines)


LAUNCHER_END = (
    "    raise ChildFailedError(",
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
    "============================================================",
    "Root Cause (first observed failure):",
)


def test_of_several_processes_the_one_that_failed_is_quoted_not_their_launcher(
    tmp_path: Path,
) -> None:
    lines = [f"[rank1]: {line}" for line in (*TRACEBACK.splitlines(), "OSError: no such file")]
    told = "  exitcode  : 1 (pid: 2074)"

    found = diagnose(log(tmp_path, *lines, TRACEBACK, *LAUNCHER_END, told))

    assert found.what == "OSError: no such file"
    assert found.lines == ("OSError: no such file",)
    assert found.problem_id == "T01"


def test_a_killed_process_among_several_is_told_by_their_launcher(tmp_path: Path) -> None:
    told = ("  exitcode  : -9 (pid: 2074)", "  traceback : Signal 9 (SIGKILL) received by PID 2074")

    found = diagnose(log(tmp_path, TRACEBACK, *LAUNCHER_END, *told))

    assert found.problem_id == "T02"
    assert "memory ran out" in found.what
