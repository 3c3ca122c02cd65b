"""Executes the tutorials and stores their outputs: `make notebooks`.

Outputs are kept small: streams of cells with the tag `remove-stream`, which train, are left out,
and figures become JPEGs.
"""

import base64
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

TUTORIALS = Path(__file__).parents[1] / "tutorials"


def main() -> None:
    """Executes every notebook in an empty folder, and writes it again."""
    os.environ["PYTHONPATH"] = str(TUTORIALS.parents[1])
    for path in sorted(TUTORIALS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(
                notebook, timeout=None, resources={"metadata": {"path": folder}}
            )
            client.execute()
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = _kept(cell)
                cell.metadata.pop("execution", None)
        nbformat.write(notebook, path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def _kept(cell: Any) -> list[Any]:
    trains = "remove-stream" in cell.metadata.get("tags", ())
    outputs = []
    for output in cell.outputs:
        if output.output_type == "stream" and (trains or output.name == "stderr"):
            continue
        if png := output.get("data", {}).pop("image/png", None):
            output.data["image/jpeg"] = _as_jpeg(png)
            output.data.pop("text/plain", None)
        outputs.append(output)
    return outputs


def _as_jpeg(png: str) -> str:
    target = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    image.save(target, "jpeg", quality=80, optimize=True)
    return base64.b64encode(target.getvalue()).decode()


if __name__ == "__main__":
    main()
