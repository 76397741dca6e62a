"""Writes the completion scripts of shells from the parsers of all commands."""

from __future__ import annotations

import shlex

from .options import parser_for
from .terminal import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from typing import Any

_NAME = PROGRAM.replace("-", "_")

# The words before the current one give the command and its action. Where there is nothing to choose from, files are
# completed. %s stands for the shell's own code, and the patterns that were made of the options.
_BODY = """\
    local place="" word choices=""
    for word in %s; do
        case "$place $word" in (%s) place="$place $word" ;; esac
    done
    case "$place $previous" in
%s
        (*) case "$place" in
%s
        esac ;;
    esac
"""
_BASH = f"""\
_{_NAME}() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
{_BODY}\
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
}}
complete -o default -F _{_NAME} {PROGRAM}
"""
_BASH_WORDS = '"${COMP_WORDS[@]:1:COMP_CWORD-1}"'
_ZSH = f"""\
_{_NAME}() {{
    local current="${{words[CURRENT]}}" previous="${{words[CURRENT-1]}}"
{_BODY}\
    if [[ -n "$choices" ]]; then compadd -- ${{=choices}}; else _files; fi
}}
compdef _{_NAME} {PROGRAM}
"""
_ZSH_WORDS = '"${(@)words[2,CURRENT-1]}"'


class _Place:
    """The program, a command or an action of one, and what may follow it.

    Attributes:
        words: The command and the action; empty for the program.
        options: Its options.
        actions: Names and summaries of the words that may follow; empty for other arguments.
        children: The commands or actions below it.
    """

    def __init__(self, words: tuple[str, ...], parser: argparse.ArgumentParser) -> None:
        self.words = words
        self.options: list[argparse.Action] = []
        self.actions: dict[str, str] = {}
        self.children: list[_Place] = []
        # argparse has no public way to list what a parser knows.
        for action in parser._actions:
            parsers: Any = action.choices
            if isinstance(parsers, dict):
                choices: Any = action
                self.actions = {choice.dest: choice.help or "" for choice in choices._choices_actions}
                self.children = [_Place((*words, name), child) for name, child in parsers.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # names and parsers
            elif action.option_strings:
                self.options.append(action)
            elif action.choices is not None:
                self.actions = dict.fromkeys(map(str, action.choices), "")

    def all(self) -> Iterator[_Place]:
        """This place and those below it."""
        yield self
        for child in self.children:
            yield from child.all()


def script(shell: str) -> str:
    """The script for ``bash``, ``zsh`` or ``fish``."""
    places = list(_Place((), parser_for(None)).all())
    if shell == "fish":
        return "\n".join(line for place in places for line in _fish_lines(place))
    known = "|".join(_pattern(place) for place in places if place.words)
    values = [
        f"        ({patterns}) choices={_listed(option.choices)} ;;"
        for place in places
        for option in place.options
        if option.nargs != 0 and (patterns := "|".join(_pattern(place, name) for name in option.option_strings))
    ]
    # Options are offered after a dash only: a file or an action may stand there, too.
    words = [
        f'        ({_pattern(place)}) case "$current" in (-*) choices={_listed(_names(place))} ;; '
        f"(*) choices={_listed(place.actions)} ;; esac ;;"
        for place in places
    ]
    template, given = (_ZSH, _ZSH_WORDS) if shell == "zsh" else (_BASH, _BASH_WORDS)
    return template % (given, known, "\n".join(values), "\n".join(words))


def _pattern(place: _Place, *more: str) -> str:
    return f'"{"".join(f" {word}" for word in (*place.words, *more))}"'


def _names(place: _Place) -> list[str]:
    return [name for option in place.options for name in option.option_strings]


def _listed(words: Iterable[object] | None) -> str:
    return shlex.quote(" ".join(map(str, words or ())))


def _fish_lines(place: _Place) -> Iterator[str]:
    conditions = [f"__fish_seen_subcommand_from {word}" for word in place.words]
    if place.actions:
        conditions.append(f"not __fish_seen_subcommand_from {' '.join(place.actions)}")
    start = f"complete -c {PROGRAM} -n {shlex.quote('; and '.join(conditions) or 'true')}"
    for name, summary in place.actions.items():
        yield f"{start} -f -a {name} -d {shlex.quote(summary)}"
    for option in place.options:
        names = " ".join(
            f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.option_strings
        )
        value = f" -x -a {_listed(option.choices)}" if option.choices else "" if option.nargs == 0 else " -r"
        yield f"{start} {names}{value} -d {shlex.quote(' '.join((option.help or '').split()))}"
