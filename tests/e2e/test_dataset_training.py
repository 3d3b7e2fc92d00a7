"""Datasets through the real trainer: layouts, held-out images, and caches that can't be stale."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from pipeline import RunTuner

pytestmark = pytest.mark.e2e

CONFIG = """\
name: {name}
preset: tiny-lora
datasets: [{{path: {data}, resolution_px: 64, crop: {crop}}}]
training: {{max_train_steps: 3, train_batch_size: 1, lr_warmup_steps: 0}}
validation: {{prompts: [a red star], resolution_px: 64, num_inference_steps: 2}}
"""


def write_config(folder: Path, data_dir: Path, name: str, *, crop: str = "center") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(name=name, data=data_dir, crop=crop), "utf-8")
    return path


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Describe every file below a folder, links as what they lead to."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def cached(run_dir: Path, kind: str) -> dict[str, int]:
    """Give the cached files of one kind with the time they were written."""
    folders = [folder for folder in (run_dir / "cache").iterdir() if folder.name.startswith(kind)]
    assert len(folders) == 1
    return {path.name: path.stat().st_mtime_ns for path in folders[0].rglob("*.pt")}


def text_file(caption: str) -> str:
    """Name the trainer's file of an encoded caption."""
    return f"{hashlib.md5(caption.encode(), usedforsecurity=False).hexdigest()}-sd3.pt"


def test_a_changed_image_or_caption_costs_exactly_its_own_encoding(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    data_dir = shutil.copytree(photos_dir, tmp_path / "photos")
    config = write_config(tmp_path, data_dir, "cats")
    assert run_tuner(tmp_path, "train", str(config)).exit_code == 0
    run_dir = tmp_path / "runs" / "cats"
    latents, texts = cached(run_dir, "vae-"), cached(run_dir, "text-")
    images = sorted(data_dir.glob("*.png"))
    shutil.copyfile(images[0], images[1])  # the same name, another picture
    images[2].with_suffix(".txt").write_text("something that was never said before")

    again = run_tuner(tmp_path, "train", str(config), "--force")

    assert again.exit_code == 0, again.stderr
    new_latents, new_texts = cached(run_dir, "vae-"), cached(run_dir, "text-")
    assert len(new_latents) == len(latents) + 1
    assert latents.items() <= new_latents.items()
    assert len(new_texts) == len(texts) + 1
    # The trainer encodes the empty caption and the validation prompts at every start.
    changed = {name for name in texts if texts[name] != new_texts[name]}
    assert not changed & {text_file(path.read_text()) for path in data_dir.glob("*.txt")}


def test_kohya_folders_train_with_their_repeats_and_stay_untouched(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "kohya"
    images = sorted(photos_dir.glob("*.png"))
    for folder, chosen in (("3_sks shape", images[:6]), ("2_drawing", images[6:])):
        (data_dir / folder).mkdir(parents=True)
        for image in chosen:
            shutil.copy2(image, data_dir / folder)
    before = listing(data_dir)
    config = write_config(tmp_path, data_dir, "kohya", crop="none")

    done = run_tuner(tmp_path, "train", str(config))

    assert done.exit_code == 0, done.stderr
    assert listing(data_dir) == before
    attempt = tmp_path / "runs/kohya/training/attempt-01"
    backends = json.loads((attempt / "multibackend.json").read_text())
    parts = [entry for entry in backends if entry["dataset_type"] == "image"]
    found = {}
    for part in parts:
        texts = {path.read_text() for path in Path(part["instance_data_dir"]).glob("*.txt")}
        (caption,) = texts
        found[caption] = (part["repeats"], len(list(Path(part["instance_data_dir"]).glob("*.png"))))
    assert found == {"sks shape": (2, 6), "drawing": (1, 10)}


def test_class_images_train_as_regularization(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    images = sorted(photos_dir.glob("*.png"))
    for folder, chosen in (("instance_images", images[:4]), ("class_images", images[4:8])):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for image in chosen:
            shutil.copy2(image, tmp_path / "data" / folder)
    config = write_config(tmp_path, tmp_path / "data", "dream")
    prompts = "instance_prompt: a sks shape, class_prompt: a shape"
    text = config.read_text().replace("resolution_px", f"{prompts}, resolution_px", 1)
    # Class images alone teach nothing: enough steps for both kinds to have their turn.
    config.write_text(text.replace("max_train_steps: 3", "max_train_steps: 16"))

    done = run_tuner(tmp_path, "train", str(config))

    assert done.exit_code == 0, done.stderr
    backends = json.loads(
        (tmp_path / "runs/dream/training/attempt-01/multibackend.json").read_text()
    )
    found = {
        next(Path(entry["instance_data_dir"]).glob("*.txt")).read_text(): (
            entry.get("is_regularisation_data", False)
        )
        for entry in backends
        if entry["dataset_type"] == "image"
    }
    assert found == {"a sks shape": False, "a shape": True}


def test_held_out_images_never_reach_the_trainer(
    run_tuner: RunTuner, photos_dir: Path, tmp_path: Path
) -> None:
    data_dir = shutil.copytree(photos_dir, tmp_path / "photos")
    for number, image in enumerate(sorted(data_dir.glob("*.png"))[:8]):
        copy = data_dir / f"more-{number}.png"
        _mirror(image, copy)
        copy.with_suffix(".txt").write_text("a mirrored picture")
    config = write_config(tmp_path, data_dir, "split")

    done = run_tuner(tmp_path, "train", str(config))

    assert done.exit_code == 0, done.stderr
    run_dir = tmp_path / "runs" / "split"
    (split,) = json.loads((run_dir / "split.json").read_text())["datasets"]
    held_out = {entry["sha256"] for entry in split if entry["side"] == "held_out"}
    trained = {entry["sha256"] for entry in split if entry["side"] == "train"}
    assert (len(held_out), len(trained)) == (5, 19)
    view_dir = next(path for path in (run_dir / "cache").iterdir() if path.name.startswith("view-"))
    given = {path.name[:16] for path in view_dir.iterdir() if path.suffix == ".png"}
    assert given == {sha256[:16] for sha256 in trained}


def _mirror(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        ImageOps.mirror(image).save(target)
