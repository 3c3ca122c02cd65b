"""Unpacks published archives."""

import logging
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from fgmix.data.sources.download import matches
from fgmix.errors import FgmixError
from fgmix.files import provide

log = logging.getLogger(__name__)


def unpack_folder(archive: Path, folder: Path, checksum: str) -> Path:
    """Unpacks a tar archive with a single top folder as `folder`, unless `folder` exists.

    Args:
        archive: The archive, compressed or not.
        folder: The folder to unpack the top folder to. It appears when it is complete.
        checksum: The checksum of the published archive, `"<algorithm>:<hex>"`.

    Returns:
        `folder`.

    Raises:
        FgmixError: If the archive is not the published one, is damaged, or has a member outside of
            the top folder; such a member is never written.
    """

    def write(beside: Path) -> None:
        if not matches(archive, checksum):
            raise FgmixError(
                f"{archive} is not the published archive (its {checksum.partition(':')[0]} "
                f"differs; cut short?): download it again, or unpack it yourself as {folder}"
            )
        log.info("unpacking %s", archive)
        beside.mkdir()
        try:
            with tarfile.open(archive) as tar:
                for member in tqdm(tar, desc=archive.name, unit=" files", disable=None):
                    below = "/".join(PurePosixPath(member.name).parts[1:])
                    if below:
                        tar.extract(member.replace(name=below), beside, filter="data")
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            reason = " ".join(str(error).split())
            raise FgmixError(f"can't unpack {archive}: {reason}") from error

    return provide(folder, write)
