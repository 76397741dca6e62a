"""The ways in which a fake may be set to behave, by name."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypeVar, get_args

AudioCheck: TypeAlias = Literal["checked", "any"]
"""Whether audio must have a header where the service needs one."""
StreamStyle: TypeAlias = Literal["real", "simple"]
"""How the tokens of a session come: as those of the service, or one for each word, in regular steps."""

_ChoiceT = TypeVar("_ChoiceT", bound=str)


def choice(name: str, value: _ChoiceT, choices: object) -> _ChoiceT:
    """A setting as it was given.

    Raises:
        ValueError: It is not one of the choices.
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, not {value!r}")
    return value
