"""Reading and grouping runs, and the one-line errors for runs that can't be compared."""

import numpy as np
import pytest

from fgmix.comparison.contrasts import compare
from fgmix.comparison.names import differing
from fgmix.comparison.study import open_study
from fgmix.errors import FgmixError
from fgmix.files import read_csv, write_csv
from tests.comparison.answers import edit_config, write_run
from tests.old_records import as_written_by_0_1

CORRECT = np.array([True, False, True, True, False, True, True, True])


def refusal(*places):
    with pytest.raises(FgmixError) as caught:
        open_study(places)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_runs_that_differ_in_their_seed_alone_are_a_group(tmp_path):
    for seed in (10, 2):
        write_run(tmp_path, CORRECT, attention="none", seed=seed)
    # The location of the images, and what is logged, change no result.
    write_run(tmp_path, ~CORRECT, attention="none", seed=3, data_dir="elsewhere", monitor_test=True)
    write_run(tmp_path, CORRECT, attention="mixed", seed=2)
    study = open_study([tmp_path])
    assert [group.name for group in study.groups] == ["none", "mixed"]
    none = study.groups[0]
    assert none.seeds == (2, 3, 10)
    np.testing.assert_array_equal(none.correct, [CORRECT, ~CORRECT, CORRECT])
    assert none.runs[1][0].directory.name.startswith("none-elsewhere")
    assert study.class_names == ("ant", "bee", "cow", "dog")
    assert [study.class_names[i] for i in study.labels[:5]] == ["ant", "bee", "cow", "dog", "ant"]
    assert none.predicted[0][1] == 2
    assert study.notes == ()


def test_photos_are_paired_by_path_whatever_their_order(tmp_path):
    paths = [f"p{i}" for i in range(8)]
    one = write_run(tmp_path, CORRECT, attention="none", paths=paths)
    other = write_run(tmp_path, CORRECT, attention="mixed", paths=paths)
    rows = read_csv(other / "predictions.csv")
    write_csv(other / "predictions.csv", list(rows[0]), reversed(rows))
    study = open_study([one, other])
    assert study.paths == tuple(paths)
    np.testing.assert_array_equal(study.groups[0].correct, study.groups[1].correct)


def test_groups_are_named_by_what_differs_and_sorted(tmp_path):
    for attention, gate in (
        *(("mixed", "sigmoid"), ("mixed", "linear")),
        *(("none", "linear"), ("channel", "linear")),
    ):
        for shots in (None, 10, 5):
            write_run(tmp_path, CORRECT, attention=attention, gate=gate, shots=shots)
    names = [group.name for group in open_study([tmp_path]).groups]
    assert names[:3] == ["none, shots 5", "none, shots 10", "none, all photos"]
    assert names[-3:] == [
        *("mixed, gate sigmoid, shots 5", "mixed, gate sigmoid, shots 10"),
        "mixed, gate sigmoid, all photos",
    ]
    assert "channel, shots 5" in names


def test_a_recipe_names_a_group_and_what_follows_from_it_does_not(tmp_path):
    for recipe in ("paper", "strong"):
        write_run(tmp_path, CORRECT, recipe=recipe)
    assert [g.name for g in open_study([tmp_path]).groups] == ["recipe paper", "recipe strong"]


def test_a_setting_given_by_hand_is_named_beside_a_recipe(tmp_path):
    write_run(tmp_path, CORRECT, recipe="paper")
    write_run(tmp_path, CORRECT, recipe="strong", epochs=40)
    study = open_study([tmp_path])
    assert [g.name for g in study.groups] == [
        "recipe paper, epochs 300",
        "recipe strong, epochs 40",
    ]
    assert differing(*study.groups) == ["recipe", "epochs"]


def test_a_missing_fold_of_one_seed_is_told_as_such(tmp_path):
    for seed in (0, 1):
        for fold in (0, 1, 2):
            if (seed, fold) == (0, 0):
                continue
            run = write_run(
                tmp_path,
                CORRECT[:4],
                paths=[f"{fold}-{i}.jpg" for i in range(4)],
                folds=3,
                fold=fold,
                seed=seed,
            )
            edit_config(run, data={"fingerprint": f"of fold {fold}"})
    assert "fold 0 of seed 0 is not among the runs" in refusal(tmp_path)


def test_a_setting_that_only_precision_or_weights_tell(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = write_run(tmp_path / "a", CORRECT, weights="/here/w.h5")
    same = write_run(tmp_path / "b", CORRECT, weights="/there/w.h5", seed=1)
    assert len(open_study([one, same]).groups) == 1
    edit_config(same, versions={"tensorflow": "2.20.0"})
    assert any("tensorflow 2.20.0 and" in note for note in open_study([one, same]).notes)


def test_weights_are_told_apart_by_content(tmp_path):
    runs = []
    for seed, content in enumerate([b"one", b"one", b"other"]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "w.weights.h5").write_bytes(content)
        runs.append(write_run(folder, CORRECT, weights=str(folder / "w.weights.h5"), seed=seed))
    assert [group.seeds for group in open_study(runs).groups] == [(0, 1), (2,)]


def test_photos_prepared_otherwise_are_other_pixels(tmp_path):
    runs = [
        write_run(tmp_path, CORRECT, prepare=prepare, seed=seed)
        for seed, prepare in enumerate(["auto", "auto", "auto", "never", "reduced"])
    ]
    edit_config(runs[0], data={"prepared": {"photos": 8, "format": 1}})
    # Of the second and third run no photo was so large that it was resized.
    groups = {group.seeds for group in open_study(runs).groups}
    assert groups == {(0,), (1, 2, 3), (4,)}


def test_an_older_run_lacks_settings_that_came_later(tmp_path):
    import json

    old = write_run(tmp_path, CORRECT, seed=0)
    new = write_run(tmp_path, CORRECT, seed=1)
    record = json.loads((old / "config.json").read_text())
    del record["config"]["prepare"], record["config"]["train_fraction"]
    (old / "config.json").write_text(json.dumps(record))
    assert len(open_study([old, new]).groups) == 1


def test_named_twice_is_once(tmp_path):
    one = write_run(tmp_path, CORRECT)
    assert open_study([one, tmp_path, one]).groups[0].seeds == (0,)


def test_other_test_photos_are_refused_by_name_and_number(tmp_path):
    one = write_run(tmp_path, CORRECT, attention="none", paths=[f"p{i}" for i in range(8)])
    other = write_run(tmp_path, CORRECT, attention="mixed", paths=[f"p{i + 2}" for i in range(8)])
    message = refusal(one, other)
    assert str(one) in message
    assert str(other) in message
    assert "2 photos only in the first (p0, ...)" in message
    assert "2 photos only in the second (p8, ...)" in message


def test_other_labels_are_refused(tmp_path):
    one = write_run(tmp_path, CORRECT, attention="none")
    other = write_run(tmp_path, CORRECT, attention="mixed")
    rows = read_csv(other / "predictions.csv")
    rows[3]["label"] = "ant"
    write_csv(other / "predictions.csv", list(rows[0]), rows)
    message = refusal(one, other)
    assert "test/0003.jpg, 'dog' in the first and 'ant' in the second" in message


def test_the_same_seed_twice_is_refused(tmp_path):
    one = write_run(tmp_path, CORRECT, data_dir="a")
    other = write_run(tmp_path, CORRECT, data_dir="b")
    message = refusal(one, other)
    assert str(one) in message
    assert str(other) in message
    assert "seed 0" in message


def test_seeds_that_were_trained_on_other_photos_are_refused(tmp_path):
    one, other = (write_run(tmp_path, CORRECT, seed=seed) for seed in (0, 1))
    edit_config(other, data={"fingerprint": "x"})
    assert "different photos" in refusal(one, other)


def photo_notes(study):
    return [note for note in study.notes if "trained on the same photos" in note]


def test_groups_that_were_trained_on_other_photos_are_told(tmp_path):
    none, mixed, conv = (
        write_run(tmp_path, CORRECT, attention=a) for a in ("none", "mixed", "conv")
    )
    edit_config(none, data={"num_images": {"train": 8144, "test": 8}})
    assert photo_notes(open_study([tmp_path])) == []  # by the fingerprint, not by the number
    more = {"fingerprint": "x", "num_images": {"train": 9000, "test": 8}}
    for run in (mixed, conv):
        edit_config(run, data=more)
    [note] = photo_notes(open_study([tmp_path]))
    assert note == (
        "Not all groups were trained on the same photos: none on 8,144; mixed, conv on 9,000. A "
        "difference between them may be due to that."
    )
    edit_config(conv, data={"fingerprint": "y"})
    [note] = photo_notes(open_study([tmp_path]))
    assert "none on 8,144; mixed on 9,000; conv on 9,000." in note
    assert "Where the numbers are equal, the photos still differ" in note


def test_photos_that_a_groups_name_tells_of_are_not_told_twice(tmp_path):
    for attention in ("none", "mixed"):
        for shots in (5, 10):
            run = write_run(tmp_path, CORRECT, attention=attention, shots=shots)
            images = {"train": 4 * shots, "test": 8}
            edit_config(run, data={"fingerprint": str(shots), "num_images": images})
    assert photo_notes(open_study([tmp_path])) == []
    edit_config(run, data={"fingerprint": "x"})
    [note] = photo_notes(open_study([tmp_path]))
    assert "none, shots 10 on 40; mixed, shots 10 on 40." in note
    assert "shots 5" not in note


def test_photos_that_a_recipe_holds_back_are_told(tmp_path):
    # The groups are named by the recipe, which does not mention validation images.
    for recipe, count in (("paper", 800), ("strong", 720)):
        run = write_run(tmp_path, CORRECT, recipe=recipe)
        images = {"train": count, "test": 8}
        edit_config(run, data={"fingerprint": recipe, "num_images": images})
    [note] = photo_notes(open_study([tmp_path]))
    assert "recipe paper on 800; recipe strong on 720." in note


def test_an_unfinished_run_is_refused_where_named_and_left_out_where_not(tmp_path):
    write_run(tmp_path, CORRECT, seed=0)
    unfinished = write_run(tmp_path, CORRECT, seed=1)
    (unfinished / "metrics.json").unlink()
    assert "has not finished training" in refusal(tmp_path, unfinished)
    study = open_study([tmp_path])
    assert study.groups[0].seeds == (0,)
    assert unfinished.name in study.notes[0]
    assert "none of the 1 runs" in refusal(_moved(unfinished, tmp_path / "grid"))


def test_files_that_a_glob_catches_are_passed_over(tmp_path):
    write_run(tmp_path, CORRECT)
    (tmp_path / "README.md").write_text("what a run is\n")
    assert open_study(sorted(tmp_path.iterdir())).notes == ()
    (tmp_path / "table.csv").write_text("a,b\n")
    study = open_study(sorted(tmp_path.iterdir()))
    assert study.groups[0].seeds == (0,)
    assert study.notes == ("Left out, files: table.csv (1).",)
    for files in (["README.md"], ["README.md", "table.csv"]):
        assert "README.md is a file: give runs' folders" in refusal(*(tmp_path / f for f in files))
    assert "there is no run" in refusal(tmp_path, tmp_path / "nowhere")


def _moved(run, folder):
    folder.mkdir()
    run.rename(folder / run.name)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.json", "{", "is not the config of a run"),
        ("metrics.json", "{", "metrics.json can't be read"),
        ("predictions.csv", "", "it has no rows"),
        ("predictions.csv", "path,label\na,b\n", "no column 'predicted'"),
        ("predictions.csv", "path,label,predicted,probability\na,b,c,much\n", "much"),
        ("predictions.csv", "path,label,predicted,probability\na,b\n", "predictions.csv can't be"),
        ("predictions.csv", "path,label,predicted,probability\na,b,c,nan\n", "between 0 and 1"),
        (
            "predictions.csv",
            "path,label,predicted,probability\na,b,c,1\na,b,c,1\n",
            "names a twice",
        ),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, name, text, said):
    run = write_run(tmp_path, CORRECT)
    (run / name).write_text(text)
    message = refusal(run)
    assert str(run) in message
    assert said in message


def test_missing_predictions_are_one_line(tmp_path):
    run = write_run(tmp_path, CORRECT)
    (run / "predictions.csv").unlink()
    assert "has no predictions.csv" in refusal(run)


def test_a_run_of_another_version_is_one_line(tmp_path):
    run = write_run(tmp_path, CORRECT)
    edit_config(run, config={"of_a_later_version": 0.5})
    message = refusal(run)
    assert "another version of fgmix" in message
    assert "of_a_later_version" in message


def test_places_that_hold_no_run_are_one_line(tmp_path):
    assert "there is no run" in refusal(tmp_path / "nowhere")
    assert "not a run and contains none" in refusal(tmp_path)


def test_folds_of_a_seed_are_joined(tmp_path):
    for attention in ("none", "mixed"):
        for seed in (0, 1):
            for fold in range(2):
                correct = CORRECT if attention == "mixed" else ~CORRECT
                paths = [f"p{2 * i + fold}" for i in range(8)]
                settings = {"attention": attention, "seed": seed, "folds": 2, "fold": fold}
                write_run(tmp_path, correct, paths=paths, **settings)
    study = open_study([tmp_path])
    assert [group.seeds for group in study.groups] == [(0, 1), (0, 1)]
    assert len(study.paths) == 16
    assert study.groups[1].correct.mean() == CORRECT.mean()
    assert compare(study).contrasts[0].found.images == 16
    assert any("folds" in note for note in compare(study).notes)
    missing = next(path for path in tmp_path.iterdir() if path.name.startswith("none-2-1"))
    message = refusal(*(path for path in tmp_path.iterdir() if path != missing))
    assert "fold 1 of seed" in message


def test_a_run_from_before_a_recipe_setting_is_of_the_same_group(tmp_path):
    from fgmix.files import read_json, write_json

    old, new = (write_run(tmp_path, CORRECT, seed=seed) for seed in (0, 1))
    record = read_json(old / "config.json")
    del as_written_by_0_1(record)["recipe"]["mixing"]
    del record["config"]["views"]
    write_json(old / "config.json", record)
    assert len(open_study([old, new]).groups) == 1


def test_a_run_from_before_the_recipe_was_changed_is_not_taken_for_one_of_today(tmp_path):
    from fgmix.config.recipes import RECIPES
    from fgmix.files import read_json, write_json

    assert RECIPES["strong"].frozen_stride  # earlier runs left it at 0
    old, new = (write_run(tmp_path, CORRECT, seed=seed) for seed in (0, 1))
    record = read_json(old / "config.json")
    del as_written_by_0_1(record)["recipe"]["frozen_stride"]
    write_json(old / "config.json", record)
    assert len(open_study([old, new]).groups) == 2


def test_damaged_files_are_refused_in_a_line(tmp_path):
    run = write_run(tmp_path, CORRECT)
    edit_config(run, config={"attention": "later"})
    assert "another version" in refusal(run)
    edit_config(run, config={"attention": "mixed", "shots": "x"})
    assert "another version" in refusal(run)
    edit_config(run, config={"shots": None})
    (run / "metrics.json").write_text("[]")
    assert "metrics.json can't be read" in refusal(run)
    (run / "metrics.json").write_text("{}")
    (run / "predictions.csv").write_text("path\n" + "x" * 200_000 + "\n")
    assert "predictions.csv can't be read" in refusal(run)
