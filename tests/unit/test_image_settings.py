"""The settings inside a picture, and the sheet that shows all pictures."""

import dataclasses

import pytest
from PIL import Image

from tuner_kit.workers.contact_sheet import Cell, PromptBlock, draw_sheet, rows_of
from tuner_kit.workers.image_settings import ImageSettings, render_parameters

SETTINGS = ImageSettings(
    prompt="a cat",
    negative_prompt="",
    seed=7,
    num_inference_steps=28,
    guidance_scale=4.5,
    width_px=64,
    height_px=96,
    base_label="SD3",
    label=None,
    adapter_scale=None,
    variant="base",
    sampler="Euler",
    versions={"tuner_kit": "1.2.3"},
)
FACTS = "Steps: 28, Sampler: Euler, CFG scale: 4.5, Seed: 7, Size: 64x96, Model: "


def test_a_base_picture_names_no_adapter_and_no_empty_negative_prompt() -> None:
    assert render_parameters(SETTINGS).splitlines() == [
        "a cat",
        f"{FACTS}SD3, Version: tuner_kit 1.2.3",
    ]


def test_a_label_with_a_comma_does_not_end_its_entry() -> None:
    settings = dataclasses.replace(SETTINGS, base_label="SD3, mine")

    assert f'{FACTS}"SD3, mine", Version' in render_parameters(settings)


@pytest.mark.parametrize(
    ("picture_px", "cell_px"),
    [
        pytest.param((64, 64), (256, 256), id="small ones are enlarged"),
        pytest.param((300, 400), (300, 400), id="middling ones stay"),
        pytest.param((2048, 1024), (512, 256), id="huge ones are reduced"),
    ],
)
def test_the_sheet_fits_its_cells(picture_px: tuple[int, int], cell_px: tuple[int, int]) -> None:
    red = Image.new("RGB", picture_px, "#ff0000")
    sheet = draw_sheet([PromptBlock("a cat", ((Cell(red, "seed 1"),),))], ["SD3"])

    # Every row of pixels through the picture holds as much red as the cell is wide.
    reds = sheet.getchannel("G").point(lambda level: 255 if level == 0 else 0).getbbox()
    assert reds is not None
    assert (reds[2] - reds[0], reds[3] - reds[1]) == cell_px


def test_a_long_prompt_makes_the_sheet_taller_not_wider() -> None:
    cell = Cell(Image.new("RGB", (64, 64)), "seed 1")
    short, long = (
        draw_sheet([PromptBlock(prompt, ((cell, cell),))], ["base", "tuned"])
        for prompt in ("a cat", "a very fluffy cat " * 20)
    )

    assert long.width == short.width
    assert long.height > short.height + 100


def test_seeds_are_laid_into_rows() -> None:
    cells = [Cell(Image.new("RGB", (8, 8)), str(number)) for number in range(5)]

    assert [len(row) for row in rows_of(cells, num_columns=4)] == [4, 1]
