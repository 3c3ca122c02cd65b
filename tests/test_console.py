"""Names can't act on the console that shows them."""

import json
import logging
import sys

import pytest

from fgmix.cli.main import run
from fgmix.console import PlainFormatter, printable, say
from fgmix.errors import FgmixError

HOSTILE = "a\x1b[2Jb\x07c\rd\x7fe\x9bf"
SHOWN = "a\\u001b[2Jb\\u0007c\\u000dd\\u007fe\\u009bf"


def test_control_characters_are_escaped_and_nothing_else():
    assert printable(HOSTILE) == SHOWN
    assert printable("a\tb\nc \u6b66 \N{AUTOMOBILE} \xe9") == "a\tb\nc \u6b66 \N{AUTOMOBILE} \xe9"


def test_what_is_json_stays_json():
    assert json.loads(printable(json.dumps({"path": HOSTILE}))) == {"path": HOSTILE}
    assert json.loads(printable(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE


@pytest.mark.parametrize("failure", [FgmixError(HOSTILE), OSError(2, "missing", HOSTILE)])
def test_errors_notes_and_results_are_printable(capsys, failure):
    def command(argv):
        logging.getLogger("fgmix.anywhere").info("reading %s", HOSTILE)
        say(f"class {HOSTILE}")
        raise failure

    assert run(command, []) == 2
    out, err = capsys.readouterr()
    assert out == f"reading {SHOWN}\nclass {SHOWN}\n"
    assert err.startswith(f"error: {SHOWN}")
    assert err.count("\n") == 1


def test_a_record_with_an_exception_is_printable():
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        record = logging.LogRecord("fgmix", 20, "f", 1, "note", (), sys.exc_info())
    assert PlainFormatter().format(record).endswith(f"ValueError: {SHOWN}")
