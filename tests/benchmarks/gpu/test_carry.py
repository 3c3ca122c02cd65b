"""What is packed for another machine arrives there, or it is said what does not."""

import zipfile

import pytest

from benchmarks.gpu import carry
from benchmarks.lib.paths import ROOT
from fgmix.cli.main import run

CODE = bytes(range(256)) * 40


@pytest.fixture
def pieces(tmp_path):
    """Pieces of at most 100 bytes, of a part with one wheel."""
    wheel = tmp_path / "package-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("package/__init__.py", "number = 3\n")
        archive.writestr("package/code.so", CODE)
        archive.writestr("package-1.dist-info/METADATA", "Name: package\n")
        archive.writestr("package/test/__init__.py", "")  # TensorFlow imports its own
        archive.writestr("tensorflow/include/header.h", "nothing\n")
    archive = tmp_path / carry.ARCHIVE
    carry.write_archive({"layers": [wheel]}, archive, preset=0)
    folder = tmp_path / "pieces"
    folder.mkdir()
    made = carry.split(archive, folder, 100)
    assert len(made) > 2 and max(piece.stat().st_size for piece in made) <= 100
    return folder


def test_what_is_packed_is_unpacked_without_headers(pieces, tmp_path):
    site = tmp_path / "site"
    assert run(carry.command, ["unpack", str(pieces), str(site)]) == 0
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert files == {
        "layers/package/__init__.py",
        "layers/package/code.so",
        "layers/package/test/__init__.py",
        "layers/package-1.dist-info/METADATA",
    }
    assert (site / "layers/package/code.so").read_bytes() == CODE


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda piece: piece.unlink(), f"lacks {carry.ARCHIVE}.01"),
        (lambda piece: piece.write_bytes(b"x" * 100), "are not those that were packed"),
    ],
)
def test_a_piece_that_is_missing_or_another_is_named(pieces, tmp_path, capsys, spoil, message):
    spoil(pieces / f"{carry.ARCHIVE}.01")
    assert run(carry.command, ["unpack", str(pieces), str(tmp_path / "site")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_every_package_has_a_version():
    lock = (ROOT / "locks/dev.txt").read_text(encoding="utf-8")
    for part in carry.PARTS.values():
        for name in set(part) - set(carry.NOT_LOCKED):
            assert carry.locked_version(name, lock)[0].isdigit()
    both = "numpy==2.4.6 ; python_full_version < '3.12' \\\nnumpy==2.5.5 ; other \\\n"
    assert carry.locked_version("numpy", both) == "2.5.5"
