"""How do I run it?"""

import shlex
from dataclasses import dataclass

from fgmix.comparison.study import Group
from fgmix.runs.record import MODEL

PLAIN_NAME = "photos"


@dataclass(frozen=True)
class Step:
    """A command for a run.

    Attributes:
        purpose: What it does.
        command: The command.
    """

    purpose: str
    command: str


@dataclass(frozen=True)
class Running:
    """The section's content.

    Attributes:
        note: Which run the commands use, and any problem with it.
        steps: The commands.
    """

    note: str
    steps: tuple[Step, ...]


def describe_running(focus: Group) -> Running:
    """Returns commands that use the first run of a group."""
    run = focus.runs[0][0]
    place = shlex.quote(str(run.directory))
    note = (
        f"The commands use {run.directory}, seed {focus.seeds[0]} of {focus.name}: the first seed, "
        f"not the best."
        if len(focus.seeds) > 1
        else f"The commands use {run.directory}."
    )
    folds = len(focus.runs[0])
    if folds > 1:
        note += f" It is one of {folds} folds, trained without the photos that it was measured on."
    if not (run.directory / MODEL).is_file():
        note += f" Its {MODEL} is missing: train it again first."
    # Docker requires absolute paths.
    here = "" if run.directory.is_absolute() else '"$PWD"/'
    served = f"{here}{shlex.quote(f'{run.directory}:/models/{PLAIN_NAME}')}"
    return Running(
        note,
        (
            Step("Predict the class of a photo", f"fgmix predict --model {place} photo.jpg"),
            Step("Try it in a browser", f"fgmix app --model {place}"),
            Step("Evaluate it again", f"fgmix evaluate --model {place}"),
            Step(
                "Serve it",
                f"docker run -p 8501:8501 -v {served} -e MODEL_NAME={PLAIN_NAME} "
                f"tensorflow/serving",
            ),
            Step(
                "Query the server",
                f"fgmix query --url http://localhost:8501 --model {PLAIN_NAME} photo.jpg",
            ),
            Step(
                "Export it, with a threshold below which it rejects predictions",
                f"fgmix export --model {place} --precision-target 0.95",
            ),
        ),
    )
