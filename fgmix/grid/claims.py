"""Claims on the cells of a grid: no two processes on any hosts train the same one.

A claim is a file in a folder that the hosts share. Its owner holds a lock of the operating system
beside it and renews the file's time. A claim has ended when the lock is free on the owner's own
host, at once; or when the file was not renewed for `STALE` seconds, which any host can see.

Of the file system this needs, as NFS from version 3 on and local ones have it: a file is created
exclusively, a folder that is listed and a file that is opened show what other hosts have closed,
and times are the server's, or the hosts' clocks agree to a minute. Where it has locks between
hosts, they are a second guard.
"""

import json
import logging
import os
import platform
import re
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from fgmix.errors import BusyError, FgmixError
from fgmix.files import alone, is_locked

log = logging.getLogger(__name__)

HEARTBEAT = 10.0
"""Seconds between two renewals of a claim."""
STALE = 120.0
"""Seconds without a renewal after which a claim has ended."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Owner:
    """The process that holds a claim.

    Attributes:
        host: Its host's name.
        kernel: What tells the running system from every other: locks work within it.
        grid: The folder of the grid's results.
    """

    host: str
    kernel: str
    grid: str


class Claim:
    """A claim of this process, renewed in the background until it is released.

    Attributes:
        lost: Whether another process has taken it, or may have, since this one could not renew it.
    """

    def __init__(self, path: Path, held: ExitStack):
        self.lost = False
        self._path = path
        self._held = held
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Ends the claim."""
        self._ended.set()
        self._thread.join()
        with suppress(OSError):  # a claim that can't be removed gets stale
            self._path.unlink(missing_ok=True)
        self._held.close()

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self._ended.wait(HEARTBEAT):
            try:
                os.utime(self._path)
                renewed = time.monotonic()
            except FileNotFoundError:
                self.lost = True
            except OSError as error:  # the server may answer again
                log.info("can't renew %s: %s", self._path, error.strerror)
                self.lost = time.monotonic() - renewed > STALE


class Claims:
    """The claims in a folder.

    Args:
        folder: The folder, which all hosts share. It is created by the first claim.
        grid: The name of this grid, for those who look.
    """

    def __init__(self, folder: Path, grid: str = ""):
        self.folder = folder
        self._own = Owner(platform.node(), _kernel(), grid)

    def take(self, name: str) -> Claim | None:
        """Claims a name, unless another process has it.

        Raises:
            FgmixError: If the folder can't be written to.
        """
        with ExitStack() as held:
            try:
                held.enter_context(alone(self.folder / name, name))
                path = self._create(name)
            except BusyError:
                return None
            except OSError as error:
                raise FgmixError(f"can't write to {self.folder}: {error.strerror}") from error
            return Claim(path, held.pop_all()) if path else None
        return None

    def _create(self, name: str) -> Path | None:
        """Creates the claim's file; its lock is held.

        A file that has ended is not removed first, since another host may do the same: the next
        number is created exclusively.
        """
        before = self._numbered(name)
        if before and not self._ended(name, before[max(before)]):
            return None
        number = max(before, default=0) + 1
        path = self.folder / f"{name}.claim{number}"
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(vars(self._own), file)
        except FileExistsError:
            return None
        except OSError:
            path.unlink(missing_ok=True)
            raise
        after = self._numbered(name)
        if max(after) > number:  # by a process that this one did not see
            path.unlink(missing_ok=True)
            return None
        for other, old in after.items():
            if other < number:
                old.unlink(missing_ok=True)
        return path

    def _ended(self, name: str, path: Path) -> bool:
        """Returns whether a claim has ended, whose lock is held by this process."""
        owner = _read(path)
        if owner is not None and owner.kernel == self._own.kernel:
            return True
        clock = self.folder / f".{name}.lock"
        os.utime(clock)
        with suppress(FileNotFoundError), path.open("rb") as file:
            return clock.stat().st_mtime - os.fstat(file.fileno()).st_mtime > STALE
        return False

    def renewed(self, name: str) -> float:
        """Returns the time at which a claim was last renewed; 0 if there is none."""
        numbered = self._numbered(name)
        with suppress(OSError, ValueError), numbered[max(numbered)].open("rb") as file:
            return os.fstat(file.fileno()).st_mtime
        return 0.0

    def owner(self, name: str) -> Owner | None:
        """Returns who has a name, as far as can be seen without writing; None if nobody."""
        numbered = self._numbered(name)
        if not numbered or time.time() - self.renewed(name) > STALE:
            return None
        owner = _read(numbered[max(numbered)]) or Owner("another host", "", "")
        here = owner.kernel == self._own.kernel
        return None if here and not is_locked(self.folder / name) else owner

    def owners(self) -> dict[str, Owner]:
        """Returns who has which name."""
        names = {path.name.rpartition(".claim")[0] for path in self.folder.glob("*.claim*")}
        return {name: owner for name in sorted(names) if (owner := self.owner(name))}

    def _numbered(self, name: str) -> dict[int, Path]:
        """Returns the files of a claim by number."""
        form = re.compile(re.escape(name) + r"\.claim(\d+)")
        try:
            listed = list(self.folder.iterdir())
        except FileNotFoundError:
            return {}
        return {int(found[1]): path for path in listed if (found := form.fullmatch(path.name))}


def _read(path: Path) -> Owner | None:
    """Returns the owner in a claim's file; None if it is not written yet, or is gone."""
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _kernel() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()
