"""What the wizard asks, in which order, and what it makes of the answers."""

import json
from pathlib import Path

import pytest
from dataset_files import write_image
from project_files import Project
from wizard_person import BACK, GPU_24_GB, Person, decided_by, talk, value

from tuner_kit.errors import DatasetError
from tuner_kit.preflight.target_gpu import LocalGpus

NEW = Path("new.yaml")


@pytest.mark.usefixtures("project")
def test_enter_takes_every_suggestion_and_what_is_given_is_not_asked() -> None:
    person = Person({})

    outcome = talk(person, NEW, data="photos", tracker="wandb")

    assert person.asked[0] == "What do the images have in common?"
    assert not any("curves" in title for title in person.asked)
    assert value(outcome, "tracking", "tracker") == "wandb"
    assert decided_by(outcome, "tracking", "tracker") == "you"
    assert decided_by(outcome, "publishing", "hub_model_id") == "as usual"
    assert value(outcome, "name") == "photos"
    assert value(outcome, "training", "method") == "lora"
    assert decided_by(outcome, "training", "max_train_steps") == "your data"


def test_what_was_found_is_said_after_the_folder(project: Project) -> None:
    write_image(project.photos_dir / "lone.png", size=(64, 64))
    person = Person({"Where are your images": ["photos"]})

    talk(person, NEW)

    assert "  Found: 4 images, 3 captions, 64 x 64, layout text-files" in person.screen
    assert "What is the caption of images that have none?" in person.asked
    assert any("1 of 4 images has none" in line for line in person.screen)


def test_a_folder_that_is_not_there_is_asked_for_again(project: Project) -> None:
    (project.dir / "empty").mkdir()
    person = Person({"Where are": ["fotos"], "no folder fotos": ["empty"], "No images": ["photos"]})

    outcome = talk(person, NEW)

    assert person.unused() == {}
    assert value(outcome, "datasets", 0, "path") == "photos"


@pytest.mark.usefixtures("project")
def test_a_given_folder_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DatasetError):
        talk(Person({}), NEW, data="fotos")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("title", "typed", "said"),
    [
        pytest.param("called", "no good", "Use letters, digits", id="name"),
        pytest.param("published", "cats", "user/name", id="hub"),
        pytest.param("How often", "many", "from 1 to 10000", id="text for a number"),
        pytest.param("How often", "0", "from 1 to 10000", id="number too small"),
        pytest.param("Which word", "x" * 65, "at most 64", id="too long"),
    ],
)
def test_an_answer_that_cannot_be_taken_is_asked_again(title: str, typed: str, said: str) -> None:
    person = Person({title: [typed], said: ["ok/ok" if title == "published" else "7"]})

    outcome = talk(person, NEW, data="photos")

    assert person.unused() == {}
    assert outcome.planned is not None


@pytest.mark.usefixtures("project")
def test_going_back_shows_the_earlier_answer_and_comes_forward_again() -> None:
    person = Person({"Which word": ["sks", ""], "Which model": [BACK]})

    outcome = talk(person, NEW, data="photos")

    assert "  Your answer so far: sks" in person.screen
    assert person.asked.count("Which word shall call it up in a prompt?") == 2
    assert value(outcome, "datasets", 0, "trigger_word") == "sks"


@pytest.mark.usefixtures("project")
def test_nothing_is_before_the_first_question() -> None:
    person = Person({"Where are": [BACK, "photos"], "There is no folder <": ["photos"]})

    outcome = talk(person, NEW)

    assert value(outcome, "datasets", 0, "path") == "photos"


@pytest.mark.usefixtures("project")
def test_going_back_passes_over_what_was_given() -> None:
    person = Person({"Which model": ["<"], "Type a number": [""]})

    outcome = talk(person, NEW, data="photos", purpose="style", trigger_word="sks")

    assert person.unused() == {}, "there is nothing before it to go back to"
    assert outcome.planned is not None


@pytest.mark.usefixtures("project")
def test_a_suggestion_that_was_taken_is_nobodys_decision() -> None:
    outcome = talk(Person({}), NEW, data="photos")

    assert decided_by(outcome, "tracking", "tracker") == "as usual"
    assert decided_by(outcome, "training", "method") == "the model"


@pytest.mark.usefixtures("project")
def test_what_a_change_makes_doubtful_is_asked_again_and_nothing_else() -> None:
    """Another purpose suggests another number of views, but not another name."""
    person = Person(
        {
            "What do the images have in common": ["style", "subject"],
            "What shall be drawn": [BACK],
            "How often": ["", BACK],
            "Which GPU": ["", BACK],
            "How shall it learn": ["", BACK],
            "Which model": ["", BACK],
            "Which word": ["cat", BACK],
        }
    )

    talk(person, NEW, data="photos")

    views = [title for title in person.asked if title.startswith("How often")]
    words = [title for title in person.asked if title.startswith("Which word")]
    assert person.unused() == {}
    assert len(views) == 3, "asked, gone back through, and again for its new suggestion"
    assert len(words) == 2, "given by hand, so only gone back through"


def test_dreambooth_asks_for_its_prompts_and_folder(project: Project) -> None:
    write_image(project.dir / "dogs" / "a.png", caption="a dog")
    person = Person(
        {
            "have in common": ["subject"],
            "Which word": ["sks"],
            "How shall it learn": ["dreambooth-class"],
            "Which one prompt": ["a photo of sks dog"],
            "ordinary things": ["dogs"],
            "Which prompt describes these": ["a photo of a dog"],
        }
    )

    outcome = talk(person, NEW, data="photos")

    assert outcome.planned is not None
    assert outcome.planned.obstacles == ()
    assert value(outcome, "datasets", 0, "instance_prompt") == "a photo of sks dog"
    assert value(outcome, "datasets", 1, "path") == "dogs"
    assert value(outcome, "datasets", 1, "instance_prompt") == "a photo of a dog"


def test_a_caption_is_dropped_where_one_prompt_is_for_all(project: Project) -> None:
    write_image(project.photos_dir / "lone.png")
    person = Person({"images that have none": ["a cat"], "How shall it learn": ["dreambooth"]})

    outcome = talk(person, NEW, data="photos", trigger_word="sks")

    assert outcome.planned is not None
    assert outcome.planned.obstacles == ()
    assert value(outcome, "datasets", 0, "fallback_caption") is None


def test_a_folder_that_fits_two_layouts_is_asked_about(project: Project) -> None:
    name = next(project.photos_dir.glob("*.png")).name
    row = json.dumps({"file_name": name, "text": "from the table"})
    (project.photos_dir / "metadata.jsonl").write_text(row + "\n")
    person = Person({"read in several ways": ["metadata-jsonl"]})

    outcome = talk(person, NEW, data="photos")

    assert person.unused() == {}
    assert value(outcome, "datasets", 0, "layout") == "metadata-jsonl"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("machine", "suggested"),
    [
        pytest.param(LocalGpus(GPU_24_GB, 1), "this one", id="one here"),
        pytest.param(LocalGpus(), "decide later", id="none here"),
    ],
)
def test_the_gpu_here_is_suggested_where_there_is_one(machine: LocalGpus, suggested: str) -> None:
    person = Person({})

    outcome = talk(person, NEW, machine=machine, data="photos")

    assert any(line.startswith(f"  Suggested: {suggested} - ") for line in person.screen)
    assert value(outcome, "hardware", "gpu") is None


@pytest.mark.usefixtures("project")
def test_another_gpu_is_named_and_counted() -> None:
    person = Person(
        {
            "Which GPU": ["another one"],
            "Which one?": ["RTX 409"],
            "did you mean RTX 4090": ["RTX 4090"],
            "How many": ["2"],
        }
    )

    outcome = talk(person, NEW, data="photos")

    assert person.unused() == {}
    assert value(outcome, "hardware", "gpu") == "RTX 4090"
    assert value(outcome, "hardware", "num_gpus") == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("./nowhere", "There is no folder"),
        ("cats/unknown", "can't be told"),
        ("~nobody/x", "There is no folder"),
    ],
)
def test_another_base_model_has_to_be_one_that_is_known(typed: str, said: str) -> None:
    person = Person(
        {
            "Which model": ["another one"],
            "Which one?": [typed],
            said: ["stabilityai/stable-diffusion-3.5-large"],
        }
    )

    outcome = talk(person, NEW, data="photos")

    assert person.unused() == {}
    assert value(outcome, "model", "base") == "stabilityai/stable-diffusion-3.5-large"


@pytest.mark.usefixtures("project")
def test_going_back_from_what_is_typed_shows_the_list_again() -> None:
    person = Person(
        {"Which model": ["another one", "tiny SD3 (colored shapes)"], "Which one": ["<"]}
    )

    outcome = talk(person, NEW, data="photos")

    assert value(outcome, "model", "base") == "embedded:tiny-sd3"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("typed", ["~nobody", "x" * 300, "a\0b"], ids=["user", "long", "NUL"])
def test_no_name_of_a_folder_is_too_strange(typed: str) -> None:
    person = Person({"Where are your images": [typed], "There is no folder": ["photos"]})

    outcome = talk(person, NEW)

    assert value(outcome, "datasets", 0, "path") == "photos"


def test_class_images_are_looked_at_when_they_are_named(project: Project) -> None:
    (project.dir / "empty").mkdir()
    write_image(project.dir / "dogs" / "a.png")
    person = Person(
        {"ordinary things": ["empty"], "o images in the": ["dogs"], "these?": ["a dog"]}
    )

    outcome = talk(person, NEW, data="photos", method="dreambooth-class", instance_prompt="my dog")

    assert person.unused() == {}
    assert value(outcome, "datasets", 1, "path") == "dogs"


@pytest.mark.usefixtures("project")
def test_the_prompt_of_all_images_has_the_trigger_word() -> None:
    person = Person(
        {
            "Which word": ["sks"],
            "How shall it learn": ["dreambooth"],
            "Which one prompt": ["my dog"],
            "Write sks into it": ["my sks dog"],
        }
    )

    outcome = talk(person, NEW, data="photos")

    assert person.unused() == {}
    assert value(outcome, "datasets", 0, "instance_prompt") == "my sks dog"


@pytest.mark.usefixtures("project")
def test_going_back_between_prompts_changes_the_one_before() -> None:
    person = Person(
        {
            "What shall be drawn": ["a tower"],
            "Enter: photograph number 1": ["<", "-"],
            "Enter: a tower": ["a bridge"],
        }
    )

    outcome = talk(person, NEW, data="photos")

    assert value(outcome, "validation", "prompts") == ["a bridge"]


@pytest.mark.usefixtures("project")
def test_the_embedded_model_needs_no_gpu_and_no_length() -> None:
    person = Person({"Which model": ["embedded:tiny-sd3"]})

    talk(person, NEW, data="photos")

    assert person.asked[-1] == "What now?"
    assert not {"Which GPU will train?", "How often shall each image be shown?"} & {*person.asked}


@pytest.mark.usefixtures("project")
def test_own_prompts_take_the_place_of_captions() -> None:
    person = Person(
        {"What shall be drawn": ["a tower"], "Enter: photograph number 1": ["a bridge"]}
    )

    outcome = talk(person, NEW, data="photos")

    assert value(outcome, "validation", "prompts") == ["a tower", "a bridge"]
