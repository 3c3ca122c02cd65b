"""One grid, one folder of results: other settings and other versions are refused."""

import pytest

import fgmix
from fgmix.errors import FgmixError
from fgmix.grid.agreement import agree
from fgmix.grid.claims import Claims
from tests.grid.grids import small_grid


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "grid-a"


def test_the_same_grid_joins_and_another_does_not(tmp_path, folder):
    claims = Claims(tmp_path / ".claims")
    agree(folder, small_grid(tmp_path), claims, joins=True)
    agree(folder, small_grid(tmp_path, data_dir=str(tmp_path / "elsewhere")), claims, joins=True)
    with pytest.raises(FgmixError, match="--seed was 0,1, is 0,1,2") as refused:
        agree(folder, small_grid(tmp_path, seeds=3), claims, joins=True)
    assert "\n" not in str(refused.value)


def test_another_version_does_not_join(tmp_path, folder, monkeypatch):
    claims = Claims(tmp_path / ".claims")
    agree(folder, small_grid(tmp_path), claims, joins=True)
    monkeypatch.setattr(fgmix, "__version__", "9.9")
    with pytest.raises(FgmixError, match=r"fgmix was [\d.]+\w*, is 9\.9"):
        agree(folder, small_grid(tmp_path), claims, joins=True)


def test_a_launcher_begins_anew_where_nobody_trains(tmp_path, folder):
    claims = Claims(tmp_path / ".claims", "grid-a")
    agree(folder, small_grid(tmp_path), claims, joins=False)
    agree(folder, small_grid(tmp_path, seeds=3), claims, joins=False)
    at_work = claims.take("a run")
    with pytest.raises(FgmixError, match=r"--seed was 0,1,2, is 0,1\), and .* trains it now"):
        agree(folder, small_grid(tmp_path), claims, joins=False)
    at_work.release()
    agree(folder, small_grid(tmp_path), claims, joins=False)
