"""SimpleTuner's own discovery of a folder: one child process of `dataset_scan.py`.

    python benchmarks/simpletuner_discovery.py FOLDER RESOLUTION_PX

Prints one JSON line: the bucket table, the seconds of the discovery, and of the import before it.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace


def main() -> None:
    """Discover the images of a folder as the trainer does before it trains without cropping."""
    folder, resolution_px = sys.argv[1], int(sys.argv[2])
    started = time.perf_counter()
    from simpletuner.helpers.data_backend.local import LocalDataBackend
    from simpletuner.helpers.metadata.backends.discovery import DiscoveryMetadataBackend
    from simpletuner.helpers.training.state_tracker import StateTracker

    imported = time.perf_counter()
    with tempfile.TemporaryDirectory() as output_dir:
        StateTracker.set_args(_trainer_arguments(output_dir))
        main_process = SimpleNamespace(
            num_processes=1, process_index=0, is_main_process=True, is_local_main_process=True
        )
        config = _dataset(folder, resolution_px)
        StateTracker.set_data_backend_config("images", config)
        StateTracker.load_aspect_resolution_map(dataloader_resolution=config["resolution"])
        files = LocalDataBackend(accelerator=main_process, id="images")
        metadata = DiscoveryMetadataBackend(
            id="images",
            instance_data_dir=folder,
            # Beside the output, as no benchmark shall write among the images.
            cache_file=str(Path(output_dir) / "indices"),
            metadata_file=str(Path(output_dir) / "metadata"),
            data_backend=files,
            accelerator=main_process,
            batch_size=1,
            resolution=config["resolution"],
            resolution_type="area",
            repeats=0,
            cache_file_suffix="images",
        )
        begun = time.perf_counter()
        metadata.refresh_buckets()
        ended = time.perf_counter()
    table = {key: len(paths) for key, paths in metadata.aspect_ratio_bucket_indices.items()}
    result = {"buckets": table, "work_s": ended - begun, "import_s": imported - started}
    print("\n" + json.dumps(result))


def _trainer_arguments(output_dir: str) -> SimpleNamespace:
    """Give what discovery asks of the trainer's options, at their defaults."""
    return SimpleNamespace(
        aspect_bucket_alignment=64,
        aspect_bucket_rounding=None,
        aspect_bucket_worker_count=12,
        enable_multiprocessing=False,
        disable_bucket_pruning=False,
        ignore_missing_files=False,
        allow_dataset_oversubscription=False,
        output_dir=output_dir,
        seed=42,
        model_family="sd3",
    )


def _dataset(folder: str, resolution_px: int) -> dict[str, object]:
    return {
        "id": "images",
        "type": "local",
        "dataset_type": "image",
        "instance_data_dir": folder,
        # As the trainer converts `pixel_area`.
        "resolution": resolution_px * resolution_px / 1_000_000,
        "resolution_type": "area",
        "crop": False,
        "repeats": 0,
    }


if __name__ == "__main__":
    main()
