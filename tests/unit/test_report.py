"""The page about a run: what a reader gets."""

import json
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from report_files import (
    add_attempt,
    add_samples,
    add_style,
    add_training_images,
    add_validation,
    begin_run,
    build_run,
    metrics_line,
    record,
    write_metrics,
)
from report_page import PLOT, Page, full_run, render

from tuner_kit.rendering.templates import make_environment
from tuner_kit.reporting.page import prepare_svg
from tuner_kit.runs.records import add_stage


def test_a_report_shows_every_part_of_a_run_in_reading_order(tmp_path: Path) -> None:
    page = Page(render(full_run(tmp_path)))

    assert page.section_ids == [
        "style",
        "comparison",
        "validation",
        "loss",
        "outcome",
        "request",
        "usage",
        "details",
    ]
    assert "Trained 60 steps on 2 images in 41 s; the loss went from 1.020 to 0.870." in page.text
    for fact in ("98,304", "384 KiB", "0.0123", "4.10.1", "torch-adamw", "tiny-lora", "0.5 median"):
        assert fact in page.text


def test_every_link_leads_to_a_section_and_every_picture_has_words(tmp_path: Path) -> None:
    page = Page(render(full_run(tmp_path)))

    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [attrs["href"] for attrs in page.all("a")] == [f"#{name}" for name in page.section_ids]
    assert all(attrs["alt"] for attrs in page.all("img"))
    assert len(page.all("h1")) == 1
    assert page.all("svg")[0]["aria-label"]


def test_a_report_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    html = render(full_run(tmp_path))
    page = Page(html)

    assert page.all("script") == []
    assert {attrs["src"].partition(":")[0] for attrs in page.all("img") if attrs["src"]} == {"data"}
    assert [attrs["href"] for attrs in page.all("link")] == ["data:,"]
    assert not re.search(r"url\(|@import|https?://", html)
    assert "default-src 'none'" in html


def test_a_report_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    text = run.config_path.read_text().replace("../../photos", str(tmp_path / "jane" / "photos"))
    run.config_path.write_text(text)
    reason = f"the trainer stopped: can't read {tmp_path}/secret/file.png"
    add_attempt(run, status="failed", last_step=3, seconds=2, reason=reason)

    html = render(run)

    assert str(tmp_path) not in html
    assert str(Path.home()) + "/" not in html
    assert "jane" not in html
    assert "can't read .../file.png" in Page(html).text


def test_what_people_write_is_never_markup(tmp_path: Path) -> None:
    prompt = "<script>alert(1)</script>"
    run = build_run(tmp_path, prompts=(prompt,), trigger='"><b>')
    add_training_images(run, ("a \"quoted\" 'caption' & <i>more</i>",))
    add_validation(run, (0, 20), num_prompts=1)
    add_samples(run, "sample-001", prompt=prompt)

    page = Page(render(run))

    assert {"script", "b", "i"}.isdisjoint(name for name, _ in page.elements)
    assert page.text.count(prompt) >= 3
    assert "a \"quoted\" 'caption' & <i>more</i>" in page.text
    assert any(prompt in str(attrs["alt"]) for attrs in page.all("img"))


def test_parts_without_data_are_left_out(tmp_path: Path) -> None:
    page = Page(render(begin_run(tmp_path), plot=None))

    assert page.section_ids == ["request", "details"]
    assert "Nothing has been trained yet." in page.text
    assert "images \N{EN DASH} the run's private copies were removed" in page.text


def test_missing_values_are_a_dash_with_the_reason(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    attempt = add_attempt(run, status="interrupted", last_step=1, seconds=9)
    write_metrics(run, range(1, 2))
    attempt.process_path.unlink()

    text = Page(render(run, plot=None)).text

    assert "Interrupted after 1 step; `tuner-kit train` continues." in text
    assert "time \N{EN DASH} an attempt left no record of its end" in text
    assert "seconds a step \N{EN DASH} fewer than two steps in a row" in text
    assert "file \N{EN DASH} the training is not finished" in text
    assert "nan" not in text.lower().split()


def test_a_resumed_run_adds_the_time_of_its_attempts(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    add_attempt(run, status="interrupted", last_step=20, seconds=30, reason="stopped on request")
    write_metrics(run, range(1, 31))
    add_attempt(run, status="finished", last_step=60, seconds=50)
    write_metrics(run, range(21, 61))
    add_stage(run, record("train", "attempt-02", summary={"seconds": 50.0, "device": "cpu"}))

    text = Page(render(run)).text

    assert "Trained 60 steps in 1 min 20 s on a CPU; the loss" in text
    assert "attempt 01 interrupted at step 20 after 30 s stopped on request" in text
    assert "machine CPU" in text


def test_a_run_that_failed_says_so_and_why(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    write_metrics(run, range(1, 4))
    add_attempt(run, status="failed", last_step=3, seconds=2, reason="out of memory")

    text = Page(render(run)).text

    assert "The training failed after 3 steps; the loss" in text
    assert "attempt 01 failed at step 3 after 2.0 s out of memory" in text


def test_an_attempt_without_a_record_of_its_end_is_named(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    add_attempt(run, status="failed", last_step=3, seconds=2).outcome_path.unlink()

    text = Page(render(run, plot=None)).text

    assert "The training ended without a word after 0 steps." in text
    assert "attempt 01 \N{EN DASH} no record of its end" in text
    assert "steps \N{EN DASH} none yet" in text


def test_a_long_comparison_is_cut_and_says_so(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    add_samples(run, "sample-001", seeds=tuple(range(26)))

    page = Page(render(run))

    assert len(page.all("img")) == 48
    assert "2 more rows are not shown here" in page.text


def test_a_long_run_says_that_its_curve_is_thinned(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    add_attempt(run, status="finished", last_step=5000, seconds=2)
    write_metrics(run, range(1, 5001))

    assert "Each value drawn is the mean of about 2.5 steps." in Page(render(run)).text


def test_unusual_settings_are_named(tmp_path: Path) -> None:
    run = begin_run(tmp_path)
    config = json.loads(run.config_path.read_text())
    config["model"] |= {"quantization": "int8-quanto", "revision": "v2"}
    config["lora"] = {"rank": 16, "alpha": 4.5, "dropout": 0.05}
    config["training"] = {"epochs": 3, "gradient_accumulation_steps": 4, "train_batch_size": 2}
    config["datasets"].append({"path": "more", "resolution_px": 512, "crop": "none", "repeats": 9})
    del config["preset"]
    run.config_path.write_text(json.dumps(config))

    text = Page(render(run, plot=None)).text

    for fact in (
        "quantization int8-quanto",
        "revision v2",
        "LoRA alpha 4.5",
        "LoRA dropout 0.05",
        "epochs 3",
        "batch 8 4 batches summed",
        "resolution 1024 px, 512 px",
        "crop square, none",
        "shown per epoch once, 10 times",
        "trigger word sks, none",
        "preset \N{EN DASH} written without one",
    ):
        assert fact in text


def test_validation_shows_at_most_eight_steps_with_the_base_model_first(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    add_validation(run, tuple(range(0, 101, 10)))
    (run.validation_dir / "step_50_prompt-02_0_128x128.png").unlink()

    page = Page(render(run))

    labels = [text for text in page.texts if text == "base model" or text.startswith("step ")]
    shown = ["base model", *(f"step {step}" for step in (10, 30, 40, 60, 70, 90, 100))]
    assert labels[:8] == shown
    assert "3 validations between these are not shown" in page.text


def test_a_picture_that_vanished_leaves_its_place(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    add_validation(run, (0, 20))
    (run.validation_dir / "step_20_prompt-02_0_128x128.png").write_bytes(b"cut")

    page = Page(render(run))

    assert page.text.count("picture is missing") == 1
    assert len(page.all("img")) == 3


def test_the_newest_comparison_is_shown_before_newer_single_pictures(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    add_samples(run, "sample-001", prompt="an old comparison")
    add_samples(run, "sample-002", prompt="a new comparison", seeds=(1, 2))
    add_samples(run, "sample-003", prompt="a single picture", variants=("tuned",))

    page = Page(render(run))

    assert "samples/sample-002" in page.text
    assert [str(attrs["alt"]) for attrs in page.all("img")] == [
        f"{variant}, seed {seed}: a new comparison"
        for seed in (1, 2)
        for variant in ("base model", "tuned")
    ]


def test_a_style_that_was_measured_is_shown_with_its_counts_and_the_newest_sheet(
    tmp_path: Path,
) -> None:
    run = build_run(tmp_path)
    add_style(run)
    add_style(run, "style-002")

    page = Page(render(run))

    assert len(page.all("tr")) == 1 + 4
    assert "tuned, with chk 7 of 8 6 of 8 5 of 8" in page.text
    assert "tuned, without chk 0 of 8 6 of 8 5 of 8" in page.text
    assert "evaluations/style-002" in page.text
    assert [attrs["width"] for attrs in page.all("img")] == ["600"]


def test_a_sheet_of_a_style_that_vanished_leaves_its_place(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    (add_style(run) / "sheet.png").unlink()

    page = Page(render(run))

    assert page.section_ids[0] == "style"
    assert page.text.count("picture is missing") == 1


def test_pictures_without_a_comparison_are_shown_alone(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    add_samples(run, "sample-001", variants=("tuned",))

    page = Page(render(run))

    assert len(page.all("img")) == 1
    assert "without and with the adapter" not in page.text


def test_the_commands_can_be_copied(tmp_path: Path) -> None:
    run = build_run(tmp_path, prompts=("it's a roof {0}",))

    command, snippet, config = Page(render(run)).code

    assert command == "tuner-kit generate --run demo --prompt='sks, it'\"'\"'s a roof {0}'"
    compile(snippet, "snippet", "exec")
    assert '"sks, it\'s a roof {0}"' in snippet
    assert 'load_lora_weights("training/adapter"' in snippet
    # The embedded model is a folder of this machine: the program asks the run for it.
    assert "training/attempt-01/config.json" in snippet
    # The tiny model's preset reads captions so.
    assert "    max_sequence_length=32,\n" in snippet
    assert "name: demo" in config
    assert "max_train_steps: 60" in config


def test_a_hub_model_is_named_with_its_revision(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    hub_id = "stabilityai/stable-diffusion-3.5-medium"
    text = run.config_path.read_text().replace(
        '"embedded:tiny-sd3"', f'"{hub_id}", "revision": "v1"'
    )
    run.config_path.write_text(text)

    page = Page(render(run))

    assert f'from_pretrained("{hub_id}", revision="v1", torch_dtype=torch.' in page.code[1]
    assert "hf auth login" in page.text


def test_steps_without_a_finite_loss_are_counted(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    with run.metrics_path.open("a") as file:
        file.write(metrics_line(61, float("nan")))

    text = Page(render(run)).text

    assert "Not drawn: 1 step without a finite loss." in text
    assert "steps without a finite loss 1" in text


def test_a_drawing_becomes_part_of_the_page() -> None:
    svg = prepare_svg(PLOT.svg, 'falls "fast"')

    assert svg == (
        '<svg role="img" aria-label="falls &#34;fast&#34;" viewBox="0 0 9 9"><path/></svg>'
    )


def test_a_misspelt_name_in_a_template_is_an_error() -> None:
    template = make_environment().from_string("{{ page.nmae }}")

    with pytest.raises(UndefinedError, match="nmae"):
        template.render(page=object())


def test_damaged_files_are_left_out_of_a_report(tmp_path: Path) -> None:
    run = full_run(tmp_path)
    (run.samples_dir / "sample-001" / "result.json").write_text("{")
    (run.evaluations_dir / "style-001" / "result.json").write_text("{")
    run.attempts()[-1].backend_path.write_text("{")
    run.attempts()[-1].versions_path.write_text("{")

    page = Page(render(run))

    assert {"style", "comparison"}.isdisjoint(page.section_ids)
    assert "versions \N{EN DASH} not recorded" in page.text
