"""What the wizard knows of a folder before it suggests anything."""

from pathlib import Path

import pytest
from dataset_files import write_image

from tuner_kit.errors import DatasetError
from tuner_kit.preflight.folder_facts import FolderFacts, find_folder_layouts, look_at_folder


def look(folder: Path, layout: str = "auto") -> FolderFacts:
    return look_at_folder(str(folder), layout, lambda _: None)


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    folder = tmp_path / "cats"
    for index, size in enumerate([(100, 100), (105, 100), (200, 100), (100, 400)]):
        write_image(folder / f"{index}.png", size=size, caption=f"sks cat, number {index}.")
    write_image(folder / "bare.png", size=(300, 300))
    return folder


def test_images_captions_and_sizes_are_counted(cats: Path) -> None:
    facts = look(cats)

    assert (facts.num_images, facts.num_captions, facts.layout) == (5, 4, "text-files")
    assert facts.short_edge_px == 100
    assert facts.share_square == pytest.approx(3 / 5)
    assert facts.num_shapes == 4
    assert facts.share_smaller_than(200) == pytest.approx(4 / 5)


def test_a_rare_word_that_all_captions_share_may_be_the_trigger_word(cats: Path) -> None:
    facts = look(cats)

    assert facts.common_words == ("sks",)
    assert facts.example_captions[0] == "sks cat, number 0."


def test_few_captions_tell_nothing_about_their_words(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", caption="a red cat")

    assert look(tmp_path).common_words == ()


def test_captions_without_a_common_word_have_none(tmp_path: Path) -> None:
    for index, caption in enumerate(["a red cat", "the blue dog", "green birds", "a red cat"]):
        write_image(tmp_path / f"{index}.png", caption=caption)

    assert look(tmp_path).common_words == ()


def test_a_folder_that_fits_two_layouts_needs_an_answer(cats: Path) -> None:
    (cats / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "a cat"}\n')

    with pytest.raises(DatasetError) as raised:
        look(cats)
    assert raised.value.problems[0].id == "D14"
    assert [each.name for each in find_folder_layouts(str(cats))] == [
        "text-files",
        "metadata-jsonl",
    ]
    assert look(cats, "metadata-jsonl").num_captions == 1


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as raised:
        look(tmp_path / "nowhere")

    assert raised.value.problems[0].id == "D01"
