"""Image data sets on the Hugging Face hub, from their Parquet files."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from fgmix.data.importing.parquet import Shard, open_shards, splits_of
from fgmix.data.importing.source import Columns, Source
from fgmix.errors import FgmixError, did_you_mean
from fgmix.lazy import import_optional

log = logging.getLogger(__name__)

SHAPE = "hf://datasets/OWNER/NAME[@REVISION][:CONFIG]"
CONVERTED = "refs/convert/parquet"
"""The branch in which the hub keeps a Parquet copy of a set that is not in Parquet itself."""
TIMEOUT = 20.0

_ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[^:]+))?(:(?P<config>.+))?"
)


class _Address(NamedTuple):
    repo: str
    revision: str | None
    config: str | None

    @property
    def page(self) -> str:
        return f"https://huggingface.co/datasets/{self.repo}"


def open_hub(source: str, columns: Columns) -> Source:
    """Looks into a data set on the hub; downloads its Parquet files into the hub's cache.

    Raises:
        FgmixError: If the address is malformed, huggingface_hub is missing, the hub can't be
            reached, the set, revision or config does not exist, or it has no Parquet files.
    """
    address = _parse(source)
    hub = import_optional("huggingface_hub", "hub", f"reading {source}")
    with _named(hub, address):
        info = _info(hub, address, address.revision)
    files, notes = _parquet_files(info), []
    card = info.card_data or {}
    commit, configs = info.sha, card.get("configs")
    if not files and address.revision is None:
        try:
            with _named(hub, address):
                info = _info(hub, address, CONVERTED)
        except FgmixError:
            raise FgmixError(
                f"{address.repo} has no Parquet files on the hub: download its files, and import "
                f"the folder or archive"
            ) from None
        files, commit, configs = _parquet_files(info), info.sha, None
        notes.append("its Parquet copy was read, which the hub made of it")
    config, chosen, splits, left_out = _choose(address, files, configs)
    if any("partial-" in name for name in chosen):
        notes.append("the hub's copy holds only the first 5 GB of it")
    log.info("%s, config %s, revision %s: %d shards", address.repo, config, commit, len(chosen))
    with _named(hub, address):
        paths = [_fetch(hub, address, name, commit) for name in chosen]
    shards = [
        Shard(name, path, split) for name, path, split in zip(chosen, paths, splits, strict=True)
    ]
    return open_shards(
        shards,
        columns,
        "a Hugging Face data set",
        source,
        {"revision": commit, "config": config},
        licence=_licence(card, info),
        notes=tuple(notes),
        left_out=left_out,
    )


def _parse(source: str) -> _Address:
    found = _ADDRESS.fullmatch(source)
    if found is None:
        raise FgmixError(f"{source} is no address of a data set: give {SHAPE}")
    return _Address(found["repo"], found["revision"], found["config"])


def _info(hub: Any, address: _Address, revision: str | None) -> Any:
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    return api.dataset_info(address.repo, revision=revision, timeout=TIMEOUT)


def _fetch(hub: Any, address: _Address, name: str, commit: str) -> Path:
    return Path(
        hub.hf_hub_download(
            address.repo,
            name,
            repo_type="dataset",
            revision=commit,
            endpoint=os.environ.get("HF_ENDPOINT"),
            cache_dir=os.environ.get("HF_HUB_CACHE"),
        )
    )


def _parquet_files(info: Any) -> list[str]:
    return sorted(f.rfilename for f in info.siblings or () if f.rfilename.endswith(".parquet"))


def _choose(
    address: _Address, files: Sequence[str], configs: Any
) -> tuple[str, list[str], list[str], tuple[str, ...]]:
    """Returns the config, its shards and their splits, and what is left out."""
    if not files:
        raise FgmixError(f"{address.repo} has no Parquet files at {address.revision}")
    known = _configs_of_card(configs, files) or _configs_by_folder(files)
    config = address.config
    if config is None and len(known) > 1:
        config = next((c.name for c in known.values() if c.is_default), None)
        if config is None:
            raise FgmixError(
                f"{address.repo} has several configs: give {SHAPE.partition('[')[0]}:CONFIG, one "
                f"of {', '.join(known)}"
            )
    config = config or next(iter(known))
    if config not in known:
        hint = did_you_mean(config, known, " ({})")
        raise FgmixError(
            f"{address.repo} has no config {config!r}{hint}: it has {', '.join(known)}"
        )
    names = list(known[config].files)
    # The names that the card gives to splits tell more than those of the files.
    told = [f"{known[config].files[name] or ''}/{PurePosixPath(name).name}" for name in names]
    if not all(known[config].files.values()):
        told = names
    splits, left_out = splits_of(told)
    kept = [(n, s) for n, s in zip(names, splits, strict=True) if s is not None]
    return config, [n for n, _ in kept], [s for _, s in kept], left_out


class _Config(NamedTuple):
    """A config of a data set.

    Attributes:
        name: Its name.
        files: The split of every shard as the card names it; None where it names none.
        is_default: Whether it is the one to take.
    """

    name: str
    files: Mapping[str, str | None]
    is_default: bool


def _configs_of_card(configs: Any, files: Sequence[str]) -> dict[str, _Config]:
    """Returns the configs that a card lists."""
    known = {}
    for one in configs if isinstance(configs, list) else ():
        if not isinstance(one, dict) or "config_name" not in one:
            continue
        given = one.get("data_files") or []
        entries = given if isinstance(given, list) else [given]
        found: dict[str, str | None] = {}
        for entry in entries:
            split = entry.get("split") if isinstance(entry, dict) else None
            paths = entry.get("path", []) if isinstance(entry, dict) else entry
            for pattern in paths if isinstance(paths, list) else [paths]:
                matching = [f for f in files if fnmatch(f, str(pattern).removeprefix("./"))]
                found |= dict.fromkeys(matching, split)
        if found:
            name = str(one["config_name"])
            known[name] = _Config(name, found, name == "default" or bool(one.get("default")))
    return known


def _configs_by_folder(files: Sequence[str]) -> dict[str, _Config]:
    """Returns the configs by the folders of the shards; those in `data` or none are the default."""
    known: dict[str, dict[str, str | None]] = {}
    for name in files:
        top, *below = PurePosixPath(name).parts
        is_config = bool(below) and top != "data" and splits_of([top, "x"])[0][0] == ""
        known.setdefault(top if is_config else "default", {})[name] = None
    return {name: _Config(name, found, name == "default") for name, found in known.items()}


def _licence(card: Any, info: Any) -> str | None:
    """Returns the licence that the card names; None if it names none."""
    found = card.get("license")
    named = [str(one) for one in (found if isinstance(found, list) else [found]) if one]
    named = named or [t.partition(":")[2] for t in info.tags or () if t.startswith("license:")]
    named = [str(card.get("license_name") or one) if one == "other" else one for one in named]
    return None if not named or named == ["unknown"] else ", ".join(named)


@contextmanager
def _named(hub: Any, address: _Address) -> Iterator[None]:
    """Turns what huggingface_hub raises into a line."""
    errors = import_module("huggingface_hub.errors")
    before = hub.logging.get_verbosity()
    hub.logging.set_verbosity_error()  # its warnings would bury our one-line message
    try:
        yield
    except errors.GatedRepoError as error:
        raise FgmixError(
            f"{address.repo} asks to accept its terms: do so on {address.page}, log in with `hf "
            f"auth login`, and give the command again"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FgmixError(
            f"there is no data set {address.repo} on the hub, or it is private: check the name; "
            f"for a private one, log in with `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FgmixError(
            f"{address.repo} has no revision {address.revision or CONVERTED!r}: see {address.page}"
        ) from error
    except FgmixError:
        raise
    except Exception as error:  # the library raises those of several HTTP clients
        if getattr(error, "errno", None) and not isinstance(error, ConnectionError):
            raise
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise FgmixError(
            f"can't read {address.repo} from the hub ({reason}): try again, or download its "
            f"Parquet files from {address.page} and import their folder"
        ) from error
    finally:
        hub.logging.set_verbosity(before)
