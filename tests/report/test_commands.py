import shlex

from fgmix.comparison.study import open_study
from fgmix.report.commands import describe_running
from tests.report.fakes import write_run


def test_paths_are_quoted_for_the_shell(tmp_path):
    run = write_run(tmp_path / "a run; rm -r $HOME", tmp_path, ("one", "two"))
    running = describe_running(open_study([run]).groups[0])
    words = [shlex.split(step.command) for step in running.steps]
    assert words[0] == ["fgmix", "predict", "--model", str(run), "photo.jpg"]
    assert f"{run}:/models/photos" in words[3]
    assert "Its model.keras is missing" in running.note


def test_a_relative_run_is_served_from_here(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "one", tmp_path, ("one", "two"))
    monkeypatch.chdir(tmp_path)
    running = describe_running(open_study(["runs/one"]).groups[0])
    assert '-v "$PWD"/runs/one:/models/photos' in running.steps[3].command


def test_several_seeds_say_which(tmp_path):
    for seed in (3, 1):
        write_run(tmp_path / "runs" / str(seed), tmp_path, ("one", "two"), seed=seed)
    running = describe_running(open_study([tmp_path / "runs"]).groups[0])
    assert "seed 1 of none: the first seed, not the best." in running.note
