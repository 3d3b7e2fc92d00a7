from dataclasses import replace

import pytest
from dataset_reading import record

from tuner_kit.data.caption_policy import CaptionPolicy
from tuner_kit.data.records import Caption, DatasetPart

WRITTEN = Caption("a cat", "a.txt")
EMPTY = Caption("", "a.txt", num_lines=0)
FOREIGN = Caption(None, "a.txt", problem="is not UTF-8 text", repaired_text="a k\xe4tzchen")
BROKEN = Caption(None, "a.txt", num_lines=0, problem="is larger than 1 MiB")
PLAIN, PROMPTED = DatasetPart(), DatasetPart(prompt="a photo of a cat")


def caption(
    policy: CaptionPolicy, written: Caption | None, part: DatasetPart = PLAIN
) -> str | None:
    return policy.caption_for(replace(record("a.png"), caption=written), part)


@pytest.mark.parametrize(
    ("written", "part", "fallback", "expected"),
    [
        (WRITTEN, PLAIN, None, "a cat"),
        (WRITTEN, PROMPTED, "a photo", "a cat"),
        (None, PROMPTED, "a photo", "a photo of a cat"),
        (EMPTY, PROMPTED, "a photo", "a photo of a cat"),
        (None, PLAIN, "a photo", "a photo"),
        (EMPTY, PLAIN, " a photo\n", "a photo"),
        (BROKEN, PLAIN, "a photo", "a photo"),
        (None, PLAIN, None, None),
        (EMPTY, PLAIN, None, None),
        (EMPTY, PLAIN, " \n", None),
        (BROKEN, PLAIN, None, None),
        (FOREIGN, PLAIN, None, None),
    ],
)
def test_the_text_of_the_image_wins_then_the_prompt_of_its_part_then_the_fallback(
    written: Caption | None, part: DatasetPart, fallback: str | None, expected: str | None
) -> None:
    assert caption(CaptionPolicy(fallback_caption=fallback), written, part) == expected


@pytest.mark.parametrize("prompt", [" \n", " a cat \n on a mat\r\n"], ids=["blank", "lines"])
@pytest.mark.parametrize("source", ["prompt", "fallback"])
def test_what_is_configured_becomes_one_line_too(prompt: str, source: str) -> None:
    line = " ".join(prompt.split()) or None
    if source == "prompt":
        assert caption(CaptionPolicy(), None, DatasetPart(prompt=prompt)) == line
    else:
        assert caption(CaptionPolicy(fallback_caption=prompt), None) == line


def test_a_caption_in_another_encoding_is_read_when_that_is_asked() -> None:
    policy = CaptionPolicy(fallback_caption="a photo", is_repaired=True)
    assert caption(policy, FOREIGN) == "a k\xe4tzchen"
    assert caption(policy, BROKEN) == "a photo"
    assert caption(policy, WRITTEN) == "a cat"
    assert caption(policy, replace(FOREIGN, repaired_text="")) == "a photo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a cat", "sks, a cat"), ("a SKS cat", "a SKS cat"), ("asks a cat", "sks, asks a cat")],
)
def test_the_trigger_word_is_put_in_front_where_it_is_missing(text: str, expected: str) -> None:
    assert caption(CaptionPolicy("sks"), Caption(text, "a.txt")) == expected
    assert caption(CaptionPolicy("sks", fallback_caption=text), None) == expected
    assert caption(CaptionPolicy("sks"), None, DatasetPart(prompt=text)) == expected


def test_class_images_do_without_the_trigger_word() -> None:
    part = DatasetPart("class", prompt="a cat", is_regularization=True)
    assert caption(CaptionPolicy("sks"), None, part) == "a cat"
    assert caption(CaptionPolicy("sks"), Caption("my cat", "a.txt"), part) == "my cat"


def test_the_trigger_word_alone_is_no_caption() -> None:
    assert caption(CaptionPolicy("sks"), EMPTY) is None
