"""How fgmix's numbers compare with its targets: a table over the records of other scripts.

`python -m benchmarks.tables` writes it. Missing records are marked. A number measured in rounds
meets its target if all rounds do, and misses it if none does; otherwise the result is open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.paths import RESULTS
from benchmarks.lib.records import Record, markdown, path_of, read
from benchmarks.lib.rounds import show, spread


@dataclass(frozen=True)
class Measured:
    """One number of a row: what it is, its text, and whether it meets the target (or open)."""

    what: str
    shown: str
    reached: bool | None


Reader = Callable[[Record], Iterator[Measured]]
IN_WORDS = {True: "yes", False: "**no**", None: "open"}


def at_least(found: Record, mark: float) -> bool | None:
    """Returns whether all rounds, some or none meet the target."""
    if found["least"] >= mark:
        return True
    return None if found["most"] >= mark else False


def layer_errors(record: Record) -> Iterator[Measured]:
    """Yields the largest error of the paper's layers, over all sizes."""
    own = ("channel", "spatial", "mixed")
    errors = [r["max_abs_error"] for r in record["rows"] if r["layer"].partition("-")[0] in own]
    yield Measured(
        f"{record['backend']} on {record['device']}", f"{max(errors):.1e}", max(errors) <= 1e-5
    )


def feature_errors(record: Record) -> Iterator[Measured]:
    """Yields the largest error of each network, over all sizes."""
    for name in dict.fromkeys(row["network"] for row in record["rows"]):
        error = max(r["relative_error"] for r in record["rows"] if r["network"] == name)
        yield Measured(f"`{name}`", f"{error:.1e}", error <= 1e-3)


def over_pytorch(record: Record) -> Iterator[Measured]:
    """Yields images a second relative to PyTorch's."""
    for row in record["rows"]:
        for precision, found in row["over_pytorch"].items():
            what = f"`{row['backbone']}`, batch {row['batch']}, {precision}"
            shown = f"{show(found)}; by processor time {show(found['by_processor_time'])}"
            yield Measured(what, shown, at_least(found, 1))


def bfloat16(record: Record) -> Iterator[Measured]:
    """Yields images a second in bfloat16 relative to float32."""
    for row in record["rows"]:
        if "bfloat16_over_float32" in row:
            found = row["bfloat16_over_float32"]["fgmix"]
            yield Measured(f"`{row['backbone']}`", show(found), at_least(found, 1.3))


def on_gpu(record: Record) -> Iterator[Measured]:
    """Yields images a second relative to PyTorch's, on a GPU."""
    for row in record["rows"]:
        for source, found in row["over_pytorch"].items():
            what = f"`{row['backbone']}`, `{row['attention']}`, batches from {source}"
            yield Measured(f"{what}, {record['device']}", show(found), at_least(found, 1))


def attention_time(record: Record) -> Iterator[Measured]:
    """Yields the added time of `mixed` in a step, and its added multiply-adds."""
    for row in record["rows"]:
        added, counted = row["added_time"], row["added_multiply_adds"]
        mark = 0.03 if row["backbone"].startswith("vgg16") else counted
        shown, processor = (
            show({name: 100 * value for name, value in found.items()}, 1)
            for found in (added, row["added_processor_time"])
        )
        yield Measured(
            f"`{row['backbone']}`, {row['precision']}",
            f"{shown} % of time, {processor} % of processor time, {counted:.1%} of multiply-adds",
            at_least({"least": -added["most"], "most": -added["least"]}, -mark),
        )


def input_pipeline(record: Record) -> Iterator[Measured]:
    """Yields images a second relative to the DataLoader's."""
    for row in record["rows"]:
        for name, found in row["over_pytorch"].items():
            by_time = show(row["over_pytorch_by_processor_time"][name])
            yield Measured(
                f"{name}, `{row['augmentation']}`",
                f"{show(found)}; by processor time {by_time}",
                at_least(found, 2),
            )


def frozen_epoch(record: Record) -> Iterator[Measured]:
    """Yields the speed-up of an epoch on stored features, by processor time."""
    for attention, least in {"none": 50, "mixed": 40}.items():
        timed = record["attentions"][attention]
        found = spread(timed["times_faster_processor"])
        clock = show(spread(timed["times_faster"]), 0)
        yield Measured(
            f"`{attention}`",
            f"{show(found, 0)} by processor time; {clock} by the clock",
            at_least(found, least),
        )


def serving_throughput(record: Record) -> Iterator[Measured]:
    """Yields images a second from files relative to pixels, at batch 8."""
    for row in record["results"]:
        found = row["bytes_over_bare"]
        yield Measured(
            f"`{record['backbone']}`, batch {row['batch']}", show(found), at_least(found, 0.85)
        )


def kill_and_resume(record: Record) -> Iterator[Measured]:
    """Yields how many runs differ."""
    different = len(record["runs_not_identical"])
    yield Measured(f"{record['kills']} kills", f"{different} runs different", different == 0)


def first_model(record: Record) -> Iterator[Measured]:
    """Yields the minutes to a first model."""
    for row in record["rows"]:
        if row["contender"].startswith("frozen"):
            minutes = row["seconds"] / 60
            shown = f"{minutes:.1f} minutes, top-1 {row['top1']:.3f}"
            reached = minutes <= 5 and row["top1"] >= 0.62
            yield Measured(f"196 classes, {row['contender']}", shown, reached)


def half_of_cars(record: Record) -> Iterator[Measured]:
    """Yields top-1 of all runs: picking the best would select on the test images."""
    runs = record["runs"]
    lengths = sorted({(run["config"]["epochs"], run["config"]["image_size"]) for run in runs})
    what = f"{len(runs)} run{'s' * (len(runs) > 1)} of "
    what += ", ".join(f"{epochs} epochs at {pixels} px" for epochs, pixels in lengths)
    found = spread([run["top1"] for run in runs])
    yield Measured(what, show(found, 3), at_least(found, 0.8))


def content_hash(record: Record) -> Iterator[Measured]:
    """What reading and hashing cost beside the pass that decodes every photo."""
    share = {name: 100 * value for name, value in record["shares"]["identities"].items()}
    reached = None if share["least"] < 5 <= share["most"] else share["most"] < 5
    yield Measured("BLAKE2b", f"{show(share, 1)} % of processor time", reached)


@dataclass(frozen=True)
class Row:
    """A measured quantity, its target, its script, and the function that reads its record."""

    what: str
    mark: str
    script: str
    reader: Reader
    record: str = ""  # if not named like the script


TRAINING = "training step beside PyTorch (channels-last), like for like"
ROWS = [
    Row(
        "layer against NumPy, float32, absolute error", "at most 1e-5", "layer_errors", layer_errors
    ),
    Row(
        "features against PyTorch's, relative error",
        "at most 1e-3",
        "feature_errors",
        feature_errors,
    ),
    Row(TRAINING, "at least 1.0x", "training_speed", over_pytorch),
    Row("bfloat16 over float32, training step", "at least 1.3x", "training_speed", bfloat16),
    Row(f"{TRAINING}, on a GPU", "at least 1.0x", "gpu_training", on_gpu),
    Row(
        "time of `mixed` over `none`, training step",
        "VGG16: at most 3 %; others: their share of multiply-adds",
        "attention_time",
        attention_time,
    ),
    Row(
        "input pipeline beside PyTorch's DataLoader with Pillow's transforms",
        "at least 2x",
        "input_pipeline",
        input_pipeline,
    ),
    Row(
        "epoch on stored features over one with the backbone",
        "`none` at least 50x, `mixed` 40x",
        "frozen_epoch",
        frozen_epoch,
    ),
    Row(
        "image files into the SavedModel over pixels into the bare model",
        "at least 0.85x",
        "serving_throughput",
        serving_throughput,
    ),
    Row(
        "knowing photos by their content, beside reading them",
        "under 5 %",
        "content_hash",
        content_hash,
    ),
    Row(
        "killed and resumed against uninterrupted",
        "the same bits",
        "kill_and_resume",
        kill_and_resume,
    ),
    Row(
        "first model of 196 classes, features included",
        "at most 5 minutes, top-1 at least 0.62",
        "first_model",
        first_model,
    ),
    Row(
        "top-1 on the test photos of the Cars half, MobileNetV2",
        "at least 0.80",
        "attention_table",
        half_of_cars,
        "cars196_half_mobilenet_v2",
    ),
]


def from_records(folder: Path = RESULTS) -> str:
    """Returns the table of the records in a folder."""
    rows = []
    for row in ROWS:
        script = f"`{path_of(row.script)}`"
        records = read(row.record or row.script, folder)
        found = [(number, record["date"]) for record in records for number in row.reader(record)]
        if not found:
            rows.append([row.what, row.mark, "*no record yet*", "", "", script])
        for place, (number, day) in enumerate(found):
            first = [row.what, row.mark] if place == 0 else ["", ""]
            reached = IN_WORDS[number.reached]
            rows.append([*first, f"{number.what}: {number.shown}", reached, day, script])
    return markdown(["what", "mark", "measured", "reached", "date", "script"], rows)
