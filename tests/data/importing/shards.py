"""Writes Parquet shards as the Hugging Face hub has them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.data.importing.pictures import encode, smooth

NAMES = ["audi", "bmw", "C/V"]


def write_shard(
    path: Path, labels, *, names=NAMES, paths=True, features=True, groups=2, images=None, extra=None
) -> Path:
    """Writes a shard with an image for each label: struct or bytes, ClassLabel or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = images or [encode(smooth((32, 24), seed=n), "PNG") for n in range(len(labels))]
    if paths:
        images = [{"bytes": one, "path": f"photo{n}.png"} for n, one in enumerate(images)]
    table = pa.table({"image": images, "label": labels, **(extra or {})})
    if features:
        found = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        described = json.dumps({"info": {"features": found}})
        table = table.replace_schema_metadata({"huggingface": described})
    pq.write_table(table, path, row_group_size=groups)
    return path
