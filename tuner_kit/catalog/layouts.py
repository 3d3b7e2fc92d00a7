"""The names of the dataset layouts; what each looks like is in `tuner_kit/data/layouts/`."""

LAYOUT_NAMES = (
    "text-files",
    "metadata-jsonl",
    "metadata-csv",
    "metadata-parquet",
    "image-captions",
    "kohya",
    "instance-prompt",
    "file-names",
    "huggingface",
)
"""In the order in which lists show them."""
AUTO_LAYOUT = "auto"
"""Instead of a layout's name: recognize it."""
