"""How a conversation with the wizard ends: written, changed, left and gone on with."""

from pathlib import Path

import pytest
from project_files import Project
from wizard_person import BACK, LEAVE, Person, decided_by, talk, value

from tuner_kit.preflight.target_gpu import LocalGpus
from tuner_kit.wizard.draft import draft_path_of

NEW = Path("new.yaml")


# ------------------------------------------------------------------------ the last screen


@pytest.mark.usefixtures("project")
def test_an_answer_is_changed_on_the_last_screen() -> None:
    person = Person(
        {
            "What now": ["change something", "write it"],
            "Which answer": ["resolution"],
            "At which resolution": ["768"],
        }
    )

    outcome = talk(person, NEW, data="photos")

    assert person.unused() == {}
    assert value(outcome, "datasets", 0, "resolution_px") == 768
    assert decided_by(outcome, "datasets", 0, "resolution_px") == "you"


@pytest.mark.usefixtures("project")
def test_a_given_answer_can_be_changed_too() -> None:
    person = Person(
        {
            "What now": ["change something", "write it"],
            "Which answer": ["name"],
            "called": ["dogs"],
        }
    )

    outcome = talk(person, NEW, data="photos", name="cats")

    assert value(outcome, "name") == "dogs"


@pytest.mark.usefixtures("project")
def test_going_back_from_the_last_screen_leads_to_the_last_question() -> None:
    person = Person({"What now": [BACK, "write it"], "called": ["", "dogs"]})

    outcome = talk(person, NEW, data="photos")

    assert value(outcome, "name") == "dogs"


@pytest.mark.usefixtures("project")
def test_with_an_obstacle_nothing_can_be_written() -> None:
    person = Person(
        {
            "What now": ["write it", "write it"],
            "Type a number": ["change something"],
            "Which answer": ["method"],
            "How shall it learn": ["full", "lora"],
        }
    )

    outcome = talk(person, NEW, machine=LocalGpus(), data="photos", gpu="8 GB")

    assert any("can't be written before this is changed" in line for line in person.screen)
    assert "It can't be trained like this" in person.screen
    assert outcome.planned is not None
    assert outcome.planned.obstacles == ()


# -------------------------------------------------------------------------------- drafts


@pytest.mark.usefixtures("project")
def test_who_leaves_goes_on_where_they_left() -> None:
    first = talk(Person({"Which word": ["sks"], "How shall it learn": [LEAVE]}), NEW, data="photos")
    second = Person({"begun to answer": ["go on"]})

    outcome = talk(second, NEW, purpose="concept")

    assert first.planned is None
    assert second.asked[1] == "How shall it learn?"
    assert value(outcome, "datasets", 0, "trigger_word") == "sks"


@pytest.mark.usefixtures("project")
def test_starting_anew_forgets_the_answers() -> None:
    talk(Person({"Which word": ["sks"], "How shall it learn": [LEAVE]}), NEW, data="photos")
    second = Person({"begun to answer": ["start anew"]})

    outcome = talk(second, NEW, data="photos")

    assert second.asked[1] == "What do the images have in common?"
    assert value(outcome, "datasets", 0, "trigger_word") != "sks"


@pytest.mark.usefixtures("project")
def test_leaving_before_any_answer_keeps_nothing() -> None:
    outcome = talk(Person({"have in common": [LEAVE]}), NEW, data="photos")

    assert outcome.planned is None
    assert not outcome.draft_path.exists()


@pytest.mark.usefixtures("project")
def test_leaving_at_the_last_screen_keeps_the_answers() -> None:
    outcome = talk(Person({"What now": ["leave"]}), NEW, data="photos")

    assert outcome.planned is None
    assert outcome.draft_path.exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="not JSON"),
        pytest.param(b"\xff\x00", id="not text"),
        pytest.param(
            b'{"schema_version": 1, "given": {"method": "magic"}, "suggested": {}}', id="?"
        ),
        pytest.param(b'{"schema_version": 9, "given": {}, "suggested": {}}', id="newer"),
    ],
)
def test_a_damaged_draft_is_ignored_with_a_sentence(content: bytes) -> None:
    draft_path_of(NEW).write_bytes(content)
    person = Person({})

    outcome = talk(person, NEW, data="photos")

    assert any("can't be read; you are asked anew" in line for line in person.screen)
    assert outcome.planned is not None


def test_a_draft_whose_folder_is_gone_asks_for_it(project: Project) -> None:
    project.photos_dir.rename(project.dir / "moved")
    talk(Person({"How shall it learn": [LEAVE]}), NEW, data="moved")
    (project.dir / "moved").rename(project.dir / "photos")
    person = Person({"begun to answer": ["go on"], "Where are your images": ["photos"]})

    outcome = talk(person, NEW)

    assert any("does not exist" in line for line in person.screen)
    assert value(outcome, "datasets", 0, "path") == "photos"


# ------------------------------------------------------------------- a tuner.yaml is there


def test_another_file_is_written_beside_the_one_that_is_there(project: Project) -> None:
    person = Person({"is there already": ["another file"], "Which file": ["second.yaml"]})

    outcome = talk(person, project.config_path, data="photos")

    assert outcome.config_path == Path("second.yaml")
    assert outcome.before is None


def test_leaving_the_one_that_is_there_asks_nothing_more(project: Project) -> None:
    person = Person({"is there already": ["leave"]})

    outcome = talk(person, project.config_path)

    assert outcome.planned is None
    assert len(person.asked) == 1
    assert not outcome.draft_path.exists()


def test_changing_one_that_is_there_begins_with_its_plan(project: Project) -> None:
    person = Person(
        {
            "is there already": ["change it"],
            "What now": ["change something", "write it"],
            "Which answer": ["trigger word"],
            "Which word": ["sks"],
        }
    )

    project.edit("embedded:tiny-sd3", "stabilityai/stable-diffusion-3.5-medium")
    outcome = talk(person, project.config_path)

    assert person.asked[0] == "tuner.yaml is there already."
    assert "What do the images have in common?" not in person.asked
    assert outcome.before is not None
    assert value(outcome, "datasets", 0, "trigger_word") == "sks"
    assert outcome.before.value("datasets", 0, "trigger_word") is None
    rank = next(line for line in person.screen if line.startswith("  rank "))
    assert rank.split() == ["rank", "2", "you", "as", "it", "is", "in", "the", "file"]


def test_a_change_that_was_begun_goes_on(project: Project) -> None:
    leaves = {
        "is there already": ["change it"],
        "What now": ["change something", LEAVE],
        "Which answer": ["trigger word"],
        "Which word": ["sks"],
    }
    talk(Person(leaves), project.config_path)

    outcome = talk(Person({"is there already": ["go on"]}), project.config_path)

    assert value(outcome, "datasets", 0, "trigger_word") == "sks"
    assert outcome.before is not None


def test_the_folder_of_one_that_is_there_may_have_moved(project: Project) -> None:
    project.photos_dir.rename(project.dir / "pictures")
    person = Person({"is there already": ["change it"], "Where are your images": ["pictures"]})

    outcome = talk(person, project.config_path)

    assert outcome.planned is not None
    assert outcome.before is not None
    changed = {
        each.key for each in outcome.planned.decisions if each not in outcome.before.decisions
    }
    assert changed == {("datasets", 0, "path")}
