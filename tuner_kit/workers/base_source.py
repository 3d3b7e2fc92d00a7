"""Where a whole base model lies on this machine: a folder, or the Hub's cache."""

import json
from pathlib import Path

from tuner_kit.workers.runtime import RepairableError

_LEFT_OUT = ("*.bin", "*.ckpt", "*.h5", "*.msgpack", "*.onnx*", "*.pb", "*.pt", "*.fp16.*")
"""The same weights in other formats; the last is a variant that nothing asks for."""


def fetch_pipeline_folder(base_model: str, *, revision: str | None) -> Path:
    """Return the folder of a diffusers pipeline with every part; what is missing is downloaded.

    Args:
        base_model: hub id or absolute folder.
        revision: branch, tag or commit on the Hub; the default branch if None.

    Raises:
        RepairableError: a part is neither on this machine nor to be had.
    """
    folder = Path(base_model)
    if folder.is_absolute():
        return folder
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        index_path = hf_hub_download(base_model, "model_index.json", revision=revision)
        parts = [name for name in json.loads(Path(index_path).read_bytes()) if name[0] != "_"]
        snapshot_download(
            base_model,
            revision=revision,
            # Beside the parts lie the same weights once more, for other programs.
            allow_patterns=[f"{part}/*" for part in parts],
            ignore_patterns=list(_LEFT_OUT),
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise RepairableError(
            what=f"{base_model} is not whole on this machine and can't be downloaded: "
            f"{str(error).splitlines()[0]}",
            where=base_model,
            fix=f"hf download {base_model}, then run the same command again",
        ) from error
    return Path(index_path).parent
