"""Small archives for tests."""

import hashlib
import tarfile
from pathlib import Path


def pack(folder: Path, archive: Path, name: str | None = None) -> str:
    """Packs a folder into a tar archive under a name (its own by default).

    Returns:
        The archive's checksum as `download` and `unpack_folder` take it.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, name or folder.name)
    return sha256(archive)


def sha256(path: Path) -> str:
    """The checksum of a file, with its algorithm."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
