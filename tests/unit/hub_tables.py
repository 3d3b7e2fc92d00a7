"""Small tables of images and captions, as the Hub and the `datasets` library store them."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

type Row = tuple[bytes | None, str | None]


def encoded(color: str, image_format: str = "PNG") -> bytes:
    """Encode a small picture of one color."""
    target = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(target, image_format)
    return target.getvalue()


def table_of(rows: Sequence[Row], *, image: str = "image", caption: str = "text") -> pa.Table:
    """Build a table with an image column as `datasets.Image` stores it."""
    cells = [None if data is None else {"bytes": data, "path": "a.png"} for data, _ in rows]
    columns = {
        image: pa.array(cells, IMAGE_TYPE),
        caption: pa.array([text for _, text in rows], pa.string()),
    }
    return with_features(pa.table(columns), {image: "Image", caption: "Value"})


def with_features(table: pa.Table, kinds: Mapping[str, str]) -> pa.Table:
    """Write the kinds of columns beside a table, as the `datasets` library does."""
    features = {name: {"_type": kind} for name, kind in kinds.items()}
    written = json.dumps({"info": {"features": features}}).encode()
    return table.replace_schema_metadata({b"huggingface": written})


def parquet_bytes(table: pa.Table) -> bytes:
    """Give the content of a parquet file."""
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def write_parquet(path: Path, table: pa.Table) -> Path:
    """Write a parquet file, and give its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def captions_of(folder: Path) -> dict[str, str]:
    """Read an export's captions by file name."""
    lines = (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["file_name"]: entry["text"] for entry in map(json.loads, lines)}


def files_of(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder by its relative name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
