"""Where ImageNet weights come from, under which licence, and whether they are at hand."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fgmix.lazy import import_optional


class WeightSource(Protocol):
    """What the registry of backbones and the listing of it need of a source."""

    @property
    def licence(self) -> str:
        """The weights' licence, as whoever publishes them states it."""

    @property
    def origin(self) -> str:
        """Who hands them out, in a word or two."""

    @property
    def by_hand(self) -> str:
        """Which file to fetch from where when a download fails."""

    def local(self) -> Path | None:
        """The file, if it is on this machine already. Asks no network and takes no time."""


@dataclass(frozen=True)
class KerasFile:
    """A file that `keras.applications` downloads itself and keeps.

    Attributes:
        path: Where it lies under `BASE`.
        licence: See `WeightSource`.
    """

    path: str
    licence: str

    BASE = "https://storage.googleapis.com/tensorflow/keras-applications/"

    origin = "Keras"

    @property
    def by_hand(self) -> str:
        """The file's address."""
        return self.BASE + self.path

    def local(self) -> Path | None:
        """The file in Keras's cache."""
        base = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")  # as Keras does
        home = Path(os.environ.get("KERAS_HOME", base / ".keras")).expanduser()
        path = home / "models" / Path(self.path).name
        return path if path.is_file() else None


@dataclass(frozen=True)
class HubFile:
    """A file in torchvision's format on the Hugging Face hub.

    Attributes:
        repo: The repository.
        licence: See `WeightSource`.
    """

    repo: str
    licence: str

    FILE = "model.safetensors"
    TIMEOUT = 10.0
    """Seconds that the hub has to answer."""

    origin = "Hugging Face hub"

    @property
    def by_hand(self) -> str:
        """The file and the repository's page."""
        return f"{self.FILE} of https://huggingface.co/{self.repo}"

    def local(self) -> Path | None:
        """The file in the hub's cache, which only the package huggingface_hub can read."""
        try:
            from huggingface_hub import try_to_load_from_cache
        except ImportError:
            return None
        path = try_to_load_from_cache(self.repo, self.FILE)
        return Path(path) if isinstance(path, str) else None

    def fetch(self) -> Path:
        """Downloads the file unless it is at hand.

        Raises:
            FgmixError: If the package huggingface_hub is missing.
            Exception: Whatever that package makes of the network.
        """
        hub = import_optional("huggingface_hub", "hub", f"downloading the weights of {self.repo}")
        path = self.local()
        if path is None:
            before = hub.logging.get_verbosity()
            hub.logging.set_verbosity_error()  # warnings of every try would bury our one line
            try:
                # One try: where nobody answers, a download goes on trying for minutes.
                url = hub.hf_hub_url(self.repo, self.FILE)
                hub.get_hf_file_metadata(url, timeout=self.TIMEOUT)
                path = Path(hub.hf_hub_download(self.repo, self.FILE))
            finally:
                hub.logging.set_verbosity(before)
        return path
