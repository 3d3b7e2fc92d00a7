"""Rules about captions: missing, empty, unreadable, and how they are written."""

from dataclasses import replace
from pathlib import Path

import pytest
from audit_cases import REPAIRED, SMALL, audit_folder, found, image, judge
from dataset_files import write_photo

from tuner_kit.data.audit.caption_rules import (
    AlikeCaptions,
    TriggerWord,
    byte_order_marks,
    caption_lines,
    empty_captions,
    missing_captions,
    undecodable_captions,
)
from tuner_kit.data.audit.rule import AuditPolicy
from tuner_kit.data.layouts.layout import LayoutOptions
from tuner_kit.data.records import Caption, DatasetPart
from tuner_kit.errors import Severity

WITH_FALLBACK = replace(SMALL, fallback_caption="a photo")
PROMPTED = replace(SMALL, parts={"": DatasetPart(prompt="a photo of sks dog")})
UNREADABLE = Caption(None, "a.txt", problem="is not UTF-8 text")
CLASS = DatasetPart("class", is_regularization=True)
SKS = replace(SMALL, trigger_word="sks", parts={"": DatasetPart(), "class": CLASS})


# ---------------------------------------------------------------------- D03


def test_images_without_caption_are_counted_and_three_are_named(tmp_path: Path) -> None:
    for number in range(5):
        write_photo(tmp_path / "in" / f"{number}.png", number)
    write_photo(tmp_path / "in" / "9.png", 9, caption="a cat")

    problem = audit_folder(tmp_path)["D03"]

    assert problem.severity is Severity.ERROR
    assert problem.what == (
        "5 of 6 images have no caption: in/0.png, in/1.png, in/2.png and 2 more"
    )
    assert problem.where == f"{tmp_path} (first: in/0.png)"
    assert problem.files == tuple(f"in/{number}.png" for number in range(5))
    assert "fallback_caption" in problem.fix


@pytest.mark.parametrize(
    ("policy", "severity", "fix"),
    [
        pytest.param(
            WITH_FALLBACK,
            Severity.NOTICE,
            'nothing; they get the fallback caption "a photo"',
            id="fallback",
        ),
        pytest.param(
            REPAIRED,
            Severity.WARNING,
            "nothing; they are left out of the training",
            id="repaired",
        ),
    ],
)
def test_a_missing_caption_can_be_made_up_for(
    policy: AuditPolicy, severity: Severity, fix: str
) -> None:
    problem = found(missing_captions, image(text=None), image(), policy=policy)

    assert (problem.severity, problem.fix) == (severity, fix)
    assert problem.what == "1 of 2 images have no caption: a.png"


@pytest.mark.parametrize("rule", [missing_captions, empty_captions])
@pytest.mark.parametrize("text", [None, ""], ids=["missing", "empty"])
def test_one_prompt_for_all_makes_up_for_captions(
    rule: type[AlikeCaptions], text: str | None
) -> None:
    assert judge(rule, image(text=text), policy=PROMPTED) is None


def test_a_prompt_belongs_to_its_part_alone() -> None:
    parts = {"": DatasetPart(prompt="a dog"), "class": CLASS}
    policy = replace(SMALL, parts=parts)

    problem = found(
        missing_captions,
        image("a.png", text=None),
        image("b.png", text=None, part="class"),
        policy=policy,
    )

    assert problem.files == ("b.png",)


# ---------------------------------------------------------------------- D04


@pytest.mark.parametrize("content", ["", " \n\t"], ids=["empty", "blank"])
def test_an_empty_caption_is_an_error(tmp_path: Path, content: str) -> None:
    write_photo(tmp_path / "a.png", caption=content)

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D04"]
    assert problems["D04"].what == "1 caption is empty or only blank: a.png"
    assert problems["D04"].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("policy", "fix"),
    [
        pytest.param(
            WITH_FALLBACK, 'nothing; they get the fallback caption "a photo"', id="fallback"
        ),
        pytest.param(REPAIRED, "nothing; their images are left out of the training", id="repaired"),
    ],
)
def test_an_empty_caption_can_be_made_up_for(policy: AuditPolicy, fix: str) -> None:
    problem = found(empty_captions, image(text=""), policy=policy)

    assert (problem.severity, problem.fix) == (Severity.WARNING, fix)


def test_a_missing_caption_is_not_an_empty_one_nor_the_reverse() -> None:
    assert judge(empty_captions, image(text=None)) is None
    assert judge(missing_captions, image(text="")) is None


# ---------------------------------------------------------------------- D05


def test_captions_in_another_encoding_are_an_error(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, caption="K\xe4tzchen".encode("latin-1"))
    write_photo(tmp_path / "b.png", 2, caption="K\xe4tzchen".encode("utf-16"))
    write_photo(tmp_path / "c.png", 3, caption="K\xe4tzchen")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D05"]
    assert problems["D05"].severity is Severity.ERROR
    assert problems["D05"].what == (
        "2 captions are not readable: a.png (is not UTF-8 text (reads as windows-1252)), "
        "b.png (is not UTF-8 text (reads as UTF-16))"
    )
    assert "--fix" in problems["D05"].fix


@pytest.mark.parametrize(
    ("policy", "others"),
    [
        pytest.param(REPAIRED, "are left out", id="nothing else to take"),
        pytest.param(
            replace(REPAIRED, fallback_caption="a photo"), "get the fallback caption", id="fallback"
        ),
    ],
)
def test_a_repaired_dataset_mends_what_can_be_read(policy: AuditPolicy, others: str) -> None:
    problem = found(undecodable_captions, image(caption=UNREADABLE), policy=policy)

    assert problem.severity is Severity.WARNING
    assert problem.fix == f"nothing; what can be read is mended, the other images {others}"


# ---------------------------------------------------------------------- D10, D26


def test_captions_of_several_lines_are_a_warning(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, caption="a cat\non a mat")
    write_photo(tmp_path / "b.png", 2, caption="a cat\n\n")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D10"]
    assert problems["D10"].severity is Severity.WARNING
    assert problems["D10"].what == "1 caption is written on several lines, which are joined: a.png"


def test_a_byte_order_mark_is_a_notice(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", 1, caption=b"\xef\xbb\xbfa cat")
    write_photo(tmp_path / "b.png", 2, caption="a dog")

    problems = audit_folder(tmp_path)

    assert list(problems) == ["D26"]
    assert problems["D26"].severity is Severity.NOTICE
    assert problems["D26"].files == ("a.png",)


def test_an_image_without_caption_has_no_lines_and_no_mark() -> None:
    assert judge(caption_lines, image(text=None)) is None
    assert judge(byte_order_marks, image(text=None)) is None


# ---------------------------------------------------------------------- D24


def test_captions_that_lack_the_trigger_word_are_named() -> None:
    images = (
        image("a.png", text="a SKS dog"),
        image("b.png", text="a dog"),
        image("c.png", text="a sksdog"),
    )

    problem = found(TriggerWord, *images, policy=SKS)

    assert problem.severity is Severity.NOTICE
    assert problem.what == (
        '2 of 3 captions lack the trigger word "sks", and get it in front: b.png, c.png'
    )


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(("a dog", "a dog in the rain"), id="none has it"),
        pytest.param(("sks dog", "an sks dog"), id="all have it"),
        pytest.param(("sks dog", "", None), id="what is missing lacks nothing"),
    ],
)
def test_captions_that_are_alike_in_it_are_left_alone(texts: tuple[str | None, ...]) -> None:
    images = [image(f"{number}.png", text=text) for number, text in enumerate(texts)]
    assert judge(TriggerWord, *images, policy=SKS) is None


def test_without_a_trigger_word_nothing_is_said_about_it() -> None:
    assert judge(TriggerWord, image(text="sks dog"), image(text="a dog")) is None


def test_class_images_do_without_the_trigger_word() -> None:
    images = (image("a.png", text="sks dog"), image("b.png", text="a dog", part="class"))
    assert judge(TriggerWord, *images, policy=SKS) is None


# ---------------------------------------------------------------------- D25


def test_captions_that_are_all_alike_are_told() -> None:
    images = [image(f"{number}.png", text="a photo of a dog") for number in range(5)]

    problem = found(AlikeCaptions, *images)

    assert problem.severity is Severity.NOTICE
    assert problem.what == 'all 5 captions are alike: "a photo of a dog"'


def test_a_long_caption_is_quoted_by_its_beginning() -> None:
    images = [image(f"{number}.png", text="very " * 30 + "old") for number in range(5)]
    what = found(AlikeCaptions, *images).what
    assert what == f'all 5 captions are alike: "{("very " * 12)[:57]}..."'


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(("a dog",) * 4, id="few images"),
        pytest.param(("a dog", "a dog", "a cat", "a dog", "a dog", "a dog"), id="one differs"),
        pytest.param((None, "", "a dog", "a dog", "a dog", "a dog"), id="few captions"),
    ],
)
def test_captions_that_differ_or_are_few_are_left_alone(texts: tuple[str | None, ...]) -> None:
    images = [image(f"{number}.png", text=text) for number, text in enumerate(texts)]
    assert judge(AlikeCaptions, *images) is None


def test_captions_that_differ_in_the_trigger_word_alone_are_alike() -> None:
    texts = ("sks, a dog", "a dog", "a dog", "a dog", "a dog")
    images = [image(f"{number}.png", text=text) for number, text in enumerate(texts)]
    assert (
        found(AlikeCaptions, *images, policy=SKS).what == 'all 5 captions are alike: "sks, a dog"'
    )


def test_one_prompt_for_all_is_not_told_as_captions_that_are_alike(tmp_path: Path) -> None:
    for number in range(6):
        write_photo(tmp_path / f"{number}.png", number)
    assert audit_folder(tmp_path, options=LayoutOptions("a photo of sks dog")) == {}
