"""What the demo trains on, and what it asks for afterwards."""

from pathlib import Path

from tuner_kit.stages.demo import NUM_PLAIN, NUM_STYLED, NUM_UNSEEN, draw_pictures


def captions_in(folder: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted(folder.glob("*.txt"))]


def test_the_demo_asks_for_scenes_that_it_did_not_train_on(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "demo", on_event=lambda _: None)

    styled, plain = captions_in(pictures.styled_dir), captions_in(pictures.plain_dir)
    unseen = pictures.unseen_captions
    assert (len(styled), len(plain), len(set(unseen))) == (NUM_STYLED, NUM_PLAIN, NUM_UNSEEN)
    assert set(unseen).isdisjoint([*styled, *plain])
    assert {color_and_shape(caption) for caption in unseen}.isdisjoint(map(color_and_shape, styled))
    assert pictures.prompts[:2] == (f"blueprint, {unseen[0]}", unseen[0])
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["blueprint", "plain"]


def color_and_shape(caption: str) -> tuple[str, ...]:
    """Give the third and fourth word of `a small red star at the left on ...`."""
    return tuple(caption.split()[2:4])


def test_pictures_that_are_there_are_used_again(tmp_path: Path) -> None:
    first = draw_pictures(tmp_path, on_event=lambda _: None)
    own = first.styled_dir / "01.txt"
    own.write_text("mine")

    again = draw_pictures(tmp_path, on_event=lambda _: None)

    assert again == first
    assert own.read_text() == "mine"
