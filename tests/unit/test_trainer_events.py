"""Which of SimpleTuner's announcements are kept, and what of them."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tuner_kit.workers.trainer_events import summarize_event

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def summarize(announcement: Mapping[str, object], announced_type: str | None = None) -> object:
    return summarize_event(announcement, announced_type, now=NOON)


def test_a_stage_is_flattened() -> None:
    stage = {"key": "vae", "label": "VAE", "status": "running", "progress": {"current": 3}}

    assert summarize({"type": "lifecycle.stage", "stage": stage, "message": "long"}) == {
        "time": "2026-01-31T12:00:00.000000+00:00",
        "type": "lifecycle.stage",
        "key": "vae",
        "label": "VAE",
        "status": "running",
        "current": 3,
    }


def test_a_checkpoint_is_named_without_its_folder() -> None:
    announcement = {
        "type": "training.checkpoint",
        "checkpoint": {"path": "/somewhere/checkpoint-3", "is_final": False},
    }

    assert summarize(announcement) == {
        "time": "2026-01-31T12:00:00.000000+00:00",
        "type": "training.checkpoint",
        "path": "checkpoint-3",
        "is_final": False,
    }


@pytest.mark.parametrize(
    "announcement",
    [
        pytest.param({"type": "training.status", "data": {"status": "running"}}, id="step"),
        pytest.param({"type": "notification", "severity": "debug", "message": "x"}, id="chat"),
        pytest.param({"type": "log.message", "message": "x", "severity": "error"}, id="log"),
        pytest.param({}, id="nothing"),
    ],
)
def test_chatter_is_not_kept(announcement: Mapping[str, object]) -> None:
    assert summarize(announcement) is None


@pytest.mark.parametrize(
    "announcement",
    [{"status": "failed"}, {"data": {"status": "failed"}}],
    ids=["flat", "nested"],
)
def test_the_end_of_a_failed_training_is_kept(announcement: Mapping[str, object]) -> None:
    summary = summarize(announcement, "training.status")

    assert isinstance(summary, dict)
    assert summary["status"] == "failed"


def test_a_message_with_a_whole_traceback_keeps_its_end() -> None:
    summary = summarize({"type": "error", "title": "t", "message": "x" * 5000 + "cause"})

    assert isinstance(summary, dict)
    assert summary["message"].endswith("cause")
    assert len(summary["message"]) == 500
