"""Shell completion offers commands, flags and values."""

import subprocess

import pytest

from fgmix import __main__ as commands
from fgmix.cli.completion import SHELLS
from fgmix.cli.main import run

pytestmark = pytest.mark.peers


def completions(script, *words):
    """Returns what bash offers for the last word."""
    typed = " ".join(f"'{word}'" for word in words)
    code = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _shtab_fgmix\n"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{code}printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_bash_completes_commands_flags_and_values(capsys):
    assert run(commands.main, ["--print-completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert completions(script, "fgmix", "tr") == ["train"]
    assert completions(script, "fgmix", "train", "--att") == ["--attention"]
    assert completions(script, "fgmix", "train", "--attention", "c") == ["channel", "conv", "cbam"]
    assert completions(script, "fgmix", "export", "--format", "o") == ["onnx"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script(capsys, shell):
    assert run(commands.main, ["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    for name in commands.COMMANDS:
        assert name in script


def test_another_shell_is_told(capsys):
    assert run(commands.main, ["--print-completion", "ksh"]) == 2
    assert capsys.readouterr().err == (
        "error: --print-completion ksh: choose one of bash, zsh, tcsh, fish\n"
    )
