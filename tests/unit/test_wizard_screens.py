"""What the wizard shows fits its terminal, and its questions fit the answers."""

from pathlib import Path
from typing import get_args

import pytest
from config_files import read_config
from wizard_person import GPU_24_GB

from tuner_kit.cli.commands.init import _ANSWERS, METHODS, PURPOSES
from tuner_kit.config.answers import Answers, Method, Purpose
from tuner_kit.data.layouts.table import LAYOUTS
from tuner_kit.preflight.accelerators import Accelerator
from tuner_kit.preflight.folder_facts import FolderFacts
from tuner_kit.preflight.planned_run import Decider, Decision, PlannedRun
from tuner_kit.preflight.target_gpu import LocalGpus, describe_gpus
from tuner_kit.wizard.interview import describe_folder
from tuner_kit.wizard.knowledge import Knowledge
from tuner_kit.wizard.plan_screen import as_edited, render_plan
from tuner_kit.wizard.question import Question, Situation
from tuner_kit.wizard.questions import QUESTIONS
from tuner_kit.wizard.terminal import option_lines, wrap

FOLDER = FolderFacts(
    data="photos",
    layout="text-files",
    layouts=LAYOUTS[:6],
    num_images=1000,
    num_captions=999,
    example_captions=("a cat", "a dog"),
    sizes={(1024, 1024): 600, (768, 1024): 400},
)
COSTS = (("time", "1 h"),)
NOT_ASKED = {"schema_version", "plain_images", "runs_dir"}
LONG = Decision(
    ("simpletuner", "validation_guidance_skip_layers_start"),
    "x" * 30 + " " + "y" * 70,
    Decider.YOU,
    "a reason that is longer than its column, by far",
)


@pytest.fixture
def situation() -> Situation:
    knowledge = Knowledge(lambda _data, _layout: FOLDER)
    knowledge._seen["photos", "auto"] = FOLDER
    return Situation(Answers(data="photos"), LocalGpus(GPU_24_GB, 2), knowledge.plan, FOLDER)


def decision(*key: str | int, value: object = 1, by: Decider = Decider.YOU) -> Decision:
    return Decision(key, value, by, "why")  # type: ignore[arg-type] # any JSON


def test_every_answer_has_its_question_or_option() -> None:
    assert {question.id for question in QUESTIONS} == set(Answers.model_fields) - NOT_ASKED
    assert set(_ANSWERS.values()) <= set(Answers.model_fields)


def test_the_command_line_knows_the_same_words() -> None:
    assert get_args(Purpose) == PURPOSES
    assert get_args(Method) == METHODS


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_fits_80_columns(question: Question, situation: Situation) -> None:
    suggestion = question.suggest(situation)
    lines = option_lines(question.options(situation), 76)

    assert question.title.endswith("?")
    assert len(f"13/13  {question.title}") < 80
    assert question.help.endswith(".")
    assert not any(line.endswith("...") for line in lines)
    if suggestion is not None:
        assert suggestion.reason
        assert question.refusal(suggestion.value, situation) is None


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_line_of_the_plan_is_longer_than_the_terminal(columns: int) -> None:
    planned = PlannedRun(
        preset="tiny-lora",
        decisions=(decision("name", value="a" * 64), LONG, decision("model", "base", value="b/c")),
        costs=(("GPU memory", "11 GiB (9.5 to 12), " + "of many parts " * 9),),
        given_up=("512 px instead of 1024 px, " + "and so on " * 20,),
        obstacles=("It does not fit: " + "choose another " * 20,),
    )

    lines = [text.plain for text in render_plan(planned, columns)]

    assert max(map(len, lines)) < min(columns, 100)
    assert "simpletuner" in lines
    assert any("(9.5 to 12)" in line for line in lines)


def test_a_row_says_value_decider_and_reason() -> None:
    planned = PlannedRun("", (decision("training", "seed", value=42, by=Decider.DATA),))

    rows = [text.plain.split() for text in render_plan(planned, 80)]

    assert ["seed", "42", "your", "data", "why"] in rows


def test_a_section_stands_once_however_decisions_are_ordered() -> None:
    keys = (("training", "a"), ("lora", "b"), ("training", "c"))
    planned = PlannedRun("", tuple(decision(*key) for key in keys))

    names = [text.plain.split(" ")[0] for text in render_plan(planned, 80)]

    assert names.count("training") == 1


def test_what_a_terminal_would_obey_is_written_out() -> None:
    evil = "a\x1b[2Jb"
    planned = PlannedRun("", (decision("validation", "prompts", value=[evil]),))

    shown = "".join(text.plain for text in render_plan(planned, 80)) + "".join(wrap(evil, 80))

    assert "\x1b" not in shown
    assert "\\x1b[2Jb" in shown


@pytest.mark.parametrize(
    ("key", "is_costly"),
    [pytest.param("seed", False, id="any"), pytest.param("max_train_steps", True, id="costly")],
)
def test_an_edited_file_shows_its_own_values_where_nothing_changes(
    tmp_path: Path, key: str, *, is_costly: bool
) -> None:
    config = read_config(tmp_path).config
    kept = decision("training", key, value=7)
    before = PlannedRun("", (kept, decision("name", value="a")))
    after = PlannedRun("", (kept, decision("name", value="b")), costs=COSTS)

    shown = as_edited(after, before, config)

    assert shown.value("training", key) == getattr(config.training, key) != 7
    assert shown.value("name") == "b"
    assert (shown.costs == COSTS) is not is_costly


def test_what_is_not_in_the_edited_file_is_not_shown(tmp_path: Path) -> None:
    config = read_config(tmp_path).config
    planned = PlannedRun("", (decision("simpletuner", "vae_enable_tiling", value=True),))

    assert as_edited(planned, planned, config).decisions == ()


def test_a_folder_of_many_sizes_is_described_by_its_shorter_edges() -> None:
    sizes = {(640, 480): 1, (800, 600): 1, (900, 900): 1}
    facts = FolderFacts(
        data="photos", layout="text-files", num_images=3, num_captions=1, sizes=sizes
    )

    assert describe_folder(facts) == (
        "Found: 3 images, 1 caption, 3 sizes, shorter edge about 600 px, layout text-files"
    )


def test_gpus_of_the_first_ones_kind_are_counted() -> None:
    cards = [
        Accelerator("NVIDIA GeForce RTX 4090", 24_564, "1"),
        Accelerator("NVIDIA T400", 2_048, "1"),
        Accelerator("NVIDIA GeForce RTX 4090", 24_564, "1"),
    ]

    machine = describe_gpus(cards)

    assert machine.count == 2
    assert machine.profile is not None
    assert machine.profile.compute_capability == (8, 9)
    assert machine.profile.memory_gib == pytest.approx(23.99, abs=0.01)


@pytest.mark.parametrize(
    "cards",
    [
        pytest.param([], id="none"),
        pytest.param([Accelerator("Apple GPU (MPS)", None, "14")], id="shares its memory"),
    ],
)
def test_without_a_gpu_of_its_own_memory_there_is_none(cards: list[Accelerator]) -> None:
    assert describe_gpus(cards) == LocalGpus()
