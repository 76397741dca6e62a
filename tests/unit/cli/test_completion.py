"""The scripts of ``soniox-lite completion``, each in its shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from soniox_lite._cli.completion import script
from soniox_lite.cli import main

# For each shell, what prints the words that it offers. Arguments are the script, and the words of the command line.
_ASK = {
    "bash": 'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _soniox_lite; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": 'compdef() { }; compadd() { shift; print -l -- "$@"; }; _files() { }; eval "$1"; shift; '
    'words=("$@"); CURRENT=$#; _soniox_lite',
    "fish": "echo $argv[1] | source; complete -C (string join ' ' -- $argv[2..])",
}


@pytest.mark.parametrize("shell", list(_ASK))
@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("soniox-lite tr", {"transcribe", "transcriptions"}, {"--diarize"}),
        ("soniox-lite --region eu mod", {"models"}, {"--diarize"}),
        ("soniox-lite transcribe --f", {"--format", "--force", "--fake"}, {"txt"}),
        ("soniox-lite transcribe --format ", {"txt", "srt", "vtt", "json"}, {"transcribe"}),
        ("soniox-lite transcribe a.wav --track t", {"translation"}, {"--track"}),
        ("soniox-lite voices ", {"create", "delete"}, {"transcribe"}),
        ("soniox-lite files delete --a", {"--all"}, {"delete"}),
        ("soniox-lite completion ", {"bash", "zsh", "fish"}, {"transcribe"}),
    ],
)
def test_words_that_are_offered(shell: str, line: str, offered: set[str], not_offered: set[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
    name = [] if shell == "fish" else [shell]
    command = [shell, *options, _ASK[shell], *name, script(shell), *line.split(" ")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = {word.partition("\t")[0] for word in done.stdout.splitlines()}
    assert done.stderr == ""
    assert offered <= found
    assert not_offered & found == set()


@pytest.mark.parametrize("shell", list(_ASK))
def test_the_command_prints_the_script(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert capfd.readouterr().out.rstrip("\n") == script(shell).rstrip("\n")
