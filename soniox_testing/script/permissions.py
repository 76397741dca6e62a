"""What a restricted API key may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

Permission: TypeAlias = Literal["files", "transcriptions", "stt_realtime", "tts_realtime", "voices", "usage"]
"""One thing a key may be allowed to do.

``files``: upload, list, read and delete files. ``transcriptions``: jobs and their transcripts. ``stt_realtime``,
``tts_realtime``: sessions. ``voices``: cloned voices. ``usage``: usage logs, summaries, limits. The list of models and
temporary keys need none.
"""


def permissions_of(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions with these names.

    Raises:
        ValueError: A name is unknown.
    """
    given = frozenset([names] if isinstance(names, str) else names)
    unknown = given.difference(get_args(Permission))
    if unknown:
        known = ", ".join(get_args(Permission))
        raise ValueError(f"there is no permission {', '.join(map(repr, sorted(unknown)))}; known are {known}")
    return cast("frozenset[Permission]", given)
