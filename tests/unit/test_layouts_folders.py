from pathlib import Path

import pytest
from layout_files import read_layout, write_captioned, write_images, write_text

from tuner_kit.data.layouts.file_names import caption_in, reads_as_caption
from tuner_kit.data.records import DatasetPart, SkipReason
from tuner_kit.errors import Severity

# ---------------------------------------------------------------- texts beside the images


def test_texts_beside_the_images_are_their_captions(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"a.png": "a fox", "deep/b.png": "a wolf"})
    write_images(root, "c.png", "deep/a.png")
    read = read_layout(root)
    assert read.captions == {"a.png": "a fox", "c.png": None, "deep/a.png": None} | {
        "deep/b.png": "a wolf"
    }
    assert read.origins == {"a.png": "a.txt", "deep/b.png": "deep/b.txt"}
    assert read.parts == {"": DatasetPart()}


def test_what_is_no_image_and_no_caption_is_left_out(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"a.png": "a fox"})
    write_text(root / "a.caption", "second")
    write_text(root / "notes.txt", "x")
    write_text(root / "b.pdf", "x")
    read = read_layout(root)
    assert read.captions == {"a.png": "a fox"}
    assert read.skipped == {
        "a.caption": SkipReason.LONE_CAPTION,
        "notes.txt": SkipReason.LONE_CAPTION,
        "b.pdf": SkipReason.NOT_AN_IMAGE,
    }


# ---------------------------------------------------------------- two folders


@pytest.mark.parametrize(
    ("images", "captions"),
    [
        ("Images", "ImageCaptions"),
        ("images", "imagecaptions"),
        ("IMAGES", "image_captions"),
        ("Images", "Image Captions"),
        ("images", "captions"),
    ],
)
def test_two_folders_are_paired_by_stem(tmp_path: Path, images: str, captions: str) -> None:
    root = write_images(tmp_path / "set", f"{images}/a.png", f"{images}/x/b.jpg", "c.png")
    write_text(root / captions / "a.txt", "a fox")
    write_text(root / captions / "x/b.txt", "a wolf")
    write_text(root / captions / "c.txt", "for no image there")
    write_text(root / captions / "LICENSE", "x")
    read = read_layout(root)
    assert read.layout == "image-captions"
    assert read.captions == {
        f"{images}/a.png": "a fox",
        f"{images}/x/b.jpg": "a wolf",
        "c.png": None,
    }
    assert read.origins[f"{images}/a.png"] == f"{captions}/a.txt"
    assert read.skipped == {
        f"{captions}/c.txt": SkipReason.LONE_CAPTION,
        f"{captions}/LICENSE": SkipReason.NOT_AN_IMAGE,
    }


def test_of_two_texts_in_the_other_folder_txt_wins(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "Images/a.png")
    write_text(root / "ImageCaptions/a.caption", "second")
    write_text(root / "ImageCaptions/a.txt", "first")
    assert read_layout(root).captions == {"Images/a.png": "first"}


# ---------------------------------------------------------------- kohya


def test_kohyas_folders_become_parts_with_one_repeat_less(tmp_path: Path) -> None:
    root = write_images(
        tmp_path / "set",
        "img/10_sks dog/a.png",
        "img/10_sks dog/deeper/b.png",
        "img/10_ball/c.png",
        "reg/2_dog/d.png",
    )
    write_text(root / "img/10_sks dog/a.txt", "a dog in snow")
    read = read_layout(root)
    assert read.layout == "kohya"
    assert read.parts == {
        "img/10_sks dog": DatasetPart("img/10_sks dog", 9, "sks dog"),
        "img/10_ball": DatasetPart("img/10_ball", 9, "ball"),
        "reg/2_dog": DatasetPart("reg/2_dog", 1, "dog", is_regularization=True),
    }
    assert read.part_of == {
        "img/10_sks dog/a.png": "img/10_sks dog",
        "img/10_sks dog/deeper/b.png": "img/10_sks dog",
        "img/10_ball/c.png": "img/10_ball",
        "reg/2_dog/d.png": "reg/2_dog",
    }
    assert read.captions["img/10_sks dog/a.png"] == "a dog in snow"
    assert read.num_captions == 1
    assert read.problems == ()


def test_a_folder_repeated_0_times_is_left_out(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "1_dog/a.png", "0_dog/b.png", "1_dog/c.png")
    read = read_layout(root)
    assert read.captions == {"1_dog/a.png": None, "1_dog/c.png": None}
    assert read.skipped == {"0_dog/b.png": SkipReason.NO_REPEATS}
    assert read.parts == {"1_dog": DatasetPart("1_dog", 0, "dog")}


def test_images_outside_of_kohyas_folders_are_left_out_and_named(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "1_dog/a.png", "1_dog/b.png", "preview.png")
    read = read_layout(root)
    problem = read.problem("D16")
    assert problem.severity is Severity.WARNING
    assert problem.what == (
        "1 image is in no folder that says how often to show it, like 10_sks dog, and left out: "
        "preview.png"
    )
    assert "preview.png" in read.skipped
    assert read.num_images == 2


@pytest.mark.parametrize(
    ("folder", "prompt"),
    [("5_sks_dog", "sks_dog"), ("5_ a dog ", "a dog"), ("5_", None), ("5_\u72d0", "\u72d0")],
)
def test_the_words_of_kohyas_folder_are_its_prompt(
    tmp_path: Path, folder: str, prompt: str | None
) -> None:
    root = write_images(tmp_path / "set", f"{folder}/a.png")
    assert [part.prompt for part in read_layout(root).parts.values()] == [prompt]


@pytest.mark.parametrize("folder", ["reg", "Regularization", "regularisation_images", "reg_data"])
def test_class_images_in_kohyas_folders_are_regularization(tmp_path: Path, folder: str) -> None:
    root = write_images(
        tmp_path / "set", f"{folder}/1_dog/a.png", "region/1_sks dog/b.png", "2_sks/reg/c.png"
    )
    parts = read_layout(root).parts
    assert not parts["2_sks"].is_regularization
    assert parts[f"{folder}/1_dog"].is_regularization
    assert not parts["region/1_sks dog"].is_regularization


def test_of_kohyas_folders_in_each_other_the_inner_one_counts(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "3_my project/img/10_sks dog/a.png")
    parts = read_layout(root).parts
    assert parts == {
        "3_my project/img/10_sks dog": DatasetPart("3_my project/img/10_sks dog", 9, "sks dog")
    }


@pytest.mark.parametrize(("folder", "repeats"), [("010_dog", 9), ("999_dog", 998)])
def test_more_numbers_are_read_where_the_person_says_it_is_kohyas(
    tmp_path: Path, folder: str, repeats: int
) -> None:
    root = write_images(tmp_path / "set", f"{folder}/a.png", "2023_holiday/b.png")
    read = read_layout(root, "kohya")
    assert [part.repeats for part in read.parts.values()] == [repeats]
    assert "2023_holiday/b.png" in read.problem("D16").what


# ---------------------------------------------------------------- one prompt for all


def test_an_instance_prompt_alone_is_enough(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a_red_fox.png", "b.png", "10_x/c.png")
    read = read_layout(root, instance_prompt="a sks fox")
    assert read.layout == "instance-prompt"
    assert read.parts == {"": DatasetPart(prompt="a sks fox")}
    assert (read.num_images, read.num_captions) == (3, 0)
    assert set(read.part_of.values()) == {""}


def test_captions_that_the_one_prompt_replaces_are_named(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"a.png": "a fox", "b.png": None})
    write_text(root / "notes.txt", "x")
    read = read_layout(root, instance_prompt="a sks fox")
    problem = read.problem("D16")
    assert problem.severity is Severity.NOTICE
    assert problem.what == (
        "captions beside 1 image are not used, because one prompt for all is given: a.png"
    )
    assert read.num_captions == 0
    assert read.skipped == {"notes.txt": SkipReason.LONE_CAPTION}


@pytest.mark.parametrize(
    ("instance", "kind"),
    [("instance", "class"), ("instance_images", "class_images"), ("Instance Data", "class-data")],
)
def test_class_images_become_a_part_of_their_own(tmp_path: Path, instance: str, kind: str) -> None:
    root = write_images(tmp_path / "set", f"{instance}/a.png", f"{kind}/b.png", f"{kind}/x/c.png")
    read = read_layout(root, class_prompt="a dog")
    assert read.layout == "instance-prompt"
    assert read.parts == {
        "": DatasetPart(),
        "class": DatasetPart("class", 0, "a dog", is_regularization=True),
    }
    assert read.part_of == {
        f"{instance}/a.png": "",
        f"{kind}/b.png": "class",
        f"{kind}/x/c.png": "class",
    }


def test_without_a_prompt_the_texts_in_the_folders_count(tmp_path: Path) -> None:
    root = write_captioned(
        tmp_path / "set", {"instance/a.png": "a sks dog", "class/b.png": "a dog"}
    )
    read = read_layout(root, "instance-prompt")
    assert read.captions == {"instance/a.png": "a sks dog", "class/b.png": "a dog"}
    assert read.part_of["class/b.png"] == "class"
    assert read.problems == ()


def test_a_class_prompt_without_class_images_is_said(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", "a.png", "classroom/b.png")
    read = read_layout(root, instance_prompt="a sks dog", class_prompt="a dog")
    assert "class_images" in read.problem("D16").fix
    assert list(read.parts) == [""]


# ---------------------------------------------------------------- captions in file names


@pytest.mark.parametrize(
    ("file_name", "caption"),
    [
        ("a_red_fox_in_snow_01.jpg", "a red fox in snow"),
        ("deep/er/a-red-fox-asleep.png", "a red fox asleep"),
        ("a red fox (2).png", "a red fox"),
        ("a_red_fox_1_2.png", "a red fox"),
        ("a__red - fox.png", "a red fox"),
        ("2_red_foxes.png", "2 red foxes"),
        ("00012-1234567890-a red fox.png", "a red fox"),
        ("fox.png", "fox"),
        ("a.red_fox_here.png", "a.red fox here"),
        ("picture_of_fox_7.png", "picture of fox"),
        ("ein_roter_Fuchs_schl\xe4ft.png", "ein roter Fuchs schl\xe4ft"),
    ],
)
def test_a_file_name_is_read_as_a_caption(file_name: str, caption: str) -> None:
    assert caption_in(file_name) == caption


NAMELESS = [
    "IMG_1234.jpg",
    "DSC01234.JPG",
    "DSC_0001.jpg",
    "0001.png",
    "(3).png",
    "Screenshot 2024-05-01 at 11.22.33 AM.png",
    "Screen Shot 2024-05-01 at 11.22.33.png",
    "WhatsApp Image 2024-05-01 at 11.22.33.jpeg",
    "Photo on 5-1-24 at 10.22 AM.jpg",
    "PXL_20240501_102233.jpg",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479.png",
    "deadbeef-cafe-beef-face-decadefaceda.png",
    "d41d8cd98f00b204e9800998ecf8427e.png",
    "Copy of IMG 1234.jpg",
    "\udce4_red_fox.png",
]


@pytest.mark.parametrize("file_name", NAMELESS)
def test_what_machines_call_a_picture_is_no_caption(file_name: str) -> None:
    assert caption_in(file_name) is None
    assert not reads_as_caption(file_name)


def test_captions_in_file_names_are_given_to_the_images(tmp_path: Path) -> None:
    names = [f"a_red_fox_{number}.png" for number in range(8)]
    root = write_images(tmp_path / "set", *names, "IMG_1.png", "IMG_2.png")
    write_text(root / "notes.txt", "x")
    read = read_layout(root)
    assert read.layout == "file-names"
    assert read.captions == dict.fromkeys(names, "a red fox") | {
        "IMG_1.png": None,
        "IMG_2.png": None,
    }
    assert read.origins["a_red_fox_0.png"] == "a_red_fox_0.png"
    assert read.skipped == {"notes.txt": SkipReason.LONE_CAPTION}


def test_too_few_names_that_read_as_captions_are_not_used(tmp_path: Path) -> None:
    names = [f"a_red_fox_{number}.png" for number in range(7)]
    root = write_images(tmp_path / "set", *names, "IMG_1.png", "IMG_2.png")
    assert read_layout(root).layout == "text-files"


@pytest.mark.parametrize("name", ["fox.png", "red_fox_01.png", "red_fox_0_1_x2.png"])
def test_fewer_than_three_words_do_not_read_as_a_caption(name: str) -> None:
    assert not reads_as_caption(name)


def test_real_captions_win_over_names_that_read_like_them(tmp_path: Path) -> None:
    root = write_captioned(tmp_path / "set", {"a_red_fox.png": "a fox", "a_grey_wolf.png": None})
    assert read_layout(root).layout == "text-files"
