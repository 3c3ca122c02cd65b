"""TensorFlow Serving's configuration files: which versions to serve, and how to batch."""

import re
from pathlib import Path

from fgmix.errors import FgmixError
from fgmix.files import write_text

MODELS_CONFIG = "models.config"
BATCHING_CONFIG = "batching.config"

BATCH_SIZES = (1, 2, 4, 8, 16, 32)
"""The batch sizes that the server pads to. They are few because a GPU tunes its convolutions for
each size, and each is twice the one before so that padding is less than half of a batch."""

_BATCHING = f"""\
# BatchingParameters of TensorFlow Serving: --enable_batching --batching_parameters_file=THIS_FILE
# The most images in a batch and in a request: the server refuses a larger one.
max_batch_size {{ value: {BATCH_SIZES[-1]} }}
# How long a request waits for others, in microseconds: short compared with the time of a batch.
batch_timeout_micros {{ value: 5000 }}
# Batches in flight, so that one is decoded while another is in the network. TensorFlow Serving's
# guide suggests the number of the server's processors to start with.
num_batch_threads {{ value: 4 }}
{"".join(f"allowed_batch_sizes: {size}" + chr(10) for size in BATCH_SIZES)}"""

_MODELS = """\
# ModelServerConfig of TensorFlow Serving: --model_config_file=THIS_FILE
# Labels are assigned before the versions are loaded, which requires
# --allow_version_labels_for_unavailable_models=true
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{
      specific {{
{versions}
      }}
    }}
    version_labels {{ key: "stable" value: {stable} }}
    version_labels {{ key: "canary" value: {canary} }}
  }}
}}
"""


def model_name(directory: Path) -> str:
    """Returns the name of a model's folder, with only the characters that a URL allows."""
    name = re.sub(r"[^\w.-]+", "_", directory.resolve().name, flags=re.ASCII)
    return name.lstrip(".-") or "model"


def write_serving_configs(directory: Path, name: str) -> list[Path]:
    """Writes `models.config` and `batching.config` beside the versions of a model.

    The newest version gets the label `canary`, the one before it `stable`; the only version gets
    both. Existing files are replaced.

    Args:
        directory: The folder of the version folders; `/models/<name>` in the server.
        name: The model's name for clients.

    Returns:
        The two files.

    Raises:
        FgmixError: If the name is not valid in a URL and a path, or there is no version.
    """
    if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
        raise FgmixError(f"model name {name!r}: use letters, digits, '_', '-' and '.'")
    versions = sorted(
        int(path.parent.name)
        for path in directory.glob("*/saved_model.pb")
        if path.parent.name.isdecimal()
    )
    if not versions:
        raise FgmixError(f"{directory} holds no exported version, such as {directory / '1'}")
    served = versions[-2:]
    text = _MODELS.format(
        name=name,
        versions="\n".join(f"        versions: {version}" for version in served),
        stable=served[0],
        canary=served[-1],
    )
    written = {MODELS_CONFIG: text, BATCHING_CONFIG: _BATCHING}
    for file, content in written.items():
        write_text(directory / file, content)
    return [directory / file for file in written]
