"""Commands in messages are those that the user types."""

import sys
from pathlib import Path

import pytest

from fgmix.invocation import as_called, command

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("program", "train", "predict"),
    [
        ("train.py", "python train.py", "python -m fgmix predict"),
        ("evaluate.py", "python train.py", "python -m fgmix predict"),
        (str(ROOT / "train.py"), f"python {ROOT / 'train.py'}", "python -m fgmix predict"),
        (
            str(ROOT / "fgmix" / "__main__.py"),
            "python -m fgmix train",
            "python -m fgmix predict",
        ),
        ("/usr/local/bin/fgmix", "fgmix train", "fgmix predict"),
        ("fgmix.exe", "fgmix train", "fgmix predict"),
        ("/somebody/else/train.py", "fgmix train", "fgmix predict"),
        ("/x/ipykernel_launcher.py", "fgmix train", "fgmix predict"),
        ("", "fgmix train", "fgmix predict"),
    ],
)
def test_a_command_is_named_as_fgmix_was_called(monkeypatch, program, train, predict):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [program])
    assert command("train") == train
    assert command("predict") == predict


def test_python_without_arguments_is_no_program(monkeypatch):
    monkeypatch.setattr(sys, "argv", [])
    assert command("train") == "fgmix train"


def test_every_command_in_a_text_is_named_so(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(ROOT / "fgmix" / "__main__.py")])
    text = "see fgmix costs, pip install 'fgmix[hub]' or\n  fgmix train --dataset demo"
    assert as_called(text) == (
        "see python -m fgmix costs, pip install 'fgmix[hub]' or\n"
        "  python -m fgmix train --dataset demo"
    )
