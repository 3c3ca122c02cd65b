"""Where ImageNet weights come from, under which licence, and whether they are on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fgmix.lazy import import_optional

BY_FILE = "--weights FILE"


class WeightSource(Protocol):
    """A source of weights, as the registry of backbones and its listing use it."""

    @property
    def licence(self) -> str:
        """The licence of the weights, as their publisher states it."""

    @property
    def origin(self) -> str:
        """Who distributes the weights, in a word or two."""

    @property
    def by_hand(self) -> str:
        """Which file to download from where, for a manual download."""

    @property
    def given_as(self) -> str:
        """The flag that takes what was downloaded by hand."""

    def local(self) -> Path | None:
        """Returns the file if it is on this machine, without using the network."""


@dataclass(frozen=True)
class KerasFile:
    """A file that `keras.applications` downloads and caches.

    Attributes:
        path: The path of the file below `BASE`.
        licence: See `WeightSource`.
    """

    path: str
    licence: str

    BASE = "https://storage.googleapis.com/tensorflow/keras-applications/"

    origin = "Keras"
    given_as = BY_FILE

    @property
    def by_hand(self) -> str:
        """The file's URL."""
        return self.BASE + self.path

    def local(self) -> Path | None:
        """Returns the file in Keras's cache, if it is there."""
        base = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")  # as in Keras
        home = Path(os.environ.get("KERAS_HOME", base / ".keras")).expanduser()
        path = home / "models" / Path(self.path).name
        return path if path.is_file() else None


@dataclass(frozen=True)
class HubFile:
    """A file in torchvision's format on the Hugging Face hub.

    Attributes:
        repo: The name of the repository.
        licence: See `WeightSource`.
    """

    repo: str
    licence: str

    FILE = "model.safetensors"
    TIMEOUT = 10.0
    """Seconds to wait for the hub's answer."""

    origin = "Hugging Face hub"
    given_as = BY_FILE

    @property
    def by_hand(self) -> str:
        """The file's name and the URL of its repository."""
        return f"{self.FILE} of https://huggingface.co/{self.repo}"

    def local(self) -> Path | None:
        """Returns the file in the hub's cache, if the package huggingface_hub finds it there."""
        try:
            from huggingface_hub import try_to_load_from_cache
        except ImportError:
            return None
        path = try_to_load_from_cache(self.repo, self.FILE)
        return Path(path) if isinstance(path, str) else None

    def fetch(self) -> Path:
        """Returns the file, downloading it if it is not in the cache.

        Raises:
            FgmixError: If the package huggingface_hub is missing.
            Exception: If the download fails; the type depends on huggingface_hub.
        """
        hub = import_optional("huggingface_hub", "hub", f"downloading the weights of {self.repo}")
        path = self.local()
        if path is None:
            before = hub.logging.get_verbosity()
            hub.logging.set_verbosity_error()  # its warnings would bury our one-line message
            try:
                # A quick check first: without an answer, a download retries for minutes.
                url = hub.hf_hub_url(self.repo, self.FILE)
                hub.get_hf_file_metadata(url, timeout=self.TIMEOUT)
                path = Path(hub.hf_hub_download(self.repo, self.FILE))
            finally:
                hub.logging.set_verbosity(before)
        return path
