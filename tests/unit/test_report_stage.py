"""`report` as a stage: what it writes, records and refuses."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from report_files import begin_run
from report_page import NOW, Page, full_run

from tuner_kit.errors import RunStateError
from tuner_kit.process.messages import Event
from tuner_kit.reporting.collect import list_sources
from tuner_kit.runs.layout import Run
from tuner_kit.runs.records import load_manifest
from tuner_kit.stages.recording import hash_files
from tuner_kit.stages.report import write_report


def test_writing_a_report_draws_the_loss_and_records_what_it_is_built_on(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    events: list[Event] = []

    path = write_report(run, on_event=events.append, now=NOW)

    html = path.read_text(encoding="utf-8")
    assert path == run.report_path
    # Losses fall in a straight line from 1: the means over six steps follow (closed form).
    assert "the loss went from 0.988 to 0.808." in Page(html).text
    assert not re.search(r"url\((?!#)|@import|<script|<metadata", html)
    assert str(tmp_path) not in html
    entry = load_manifest(run).last("report")
    assert entry is not None
    assert entry.outputs == ("report/index.html",)
    assert entry.inputs_hash == hash_files(list_sources(run))
    assert "embedding pictures" in {event.phase for event in events}


def test_a_report_without_any_step_needs_no_drawing(tmp_path: Path) -> None:
    run = begin_run(tmp_path)

    write_report(run, on_event=lambda _: None, now=NOW)

    assert run.report_path.is_file()
    assert not (run.logs_dir / "plot_loss").exists()


@contextmanager
def held(run: Run) -> Iterator[None]:
    with FileLock(run.lock_path):
        yield


def test_a_run_that_is_being_worked_on_gets_no_report(tmp_path: Path) -> None:
    run = begin_run(tmp_path)

    with held(run), pytest.raises(RunStateError) as caught:
        write_report(run, on_event=lambda _: None, now=NOW)

    assert caught.value.problems[0].id == "R03"
    assert not run.report_path.exists()
