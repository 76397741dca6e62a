"""The width of text in columns, on a terminal and in subtitles."""

from __future__ import annotations

from unicodedata import category, east_asian_width

__all__ = ["display_width"]


def display_width(text: str) -> int:
    """How many columns a text without control characters takes.

    A combining character takes none; a Chinese, Japanese or Korean character, and most emoji, takes two.
    """
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if char.isascii():
        return 1
    # The later parts of a decomposed Korean syllable share the columns of its first part.
    if category(char) in {"Mn", "Me", "Cf"} or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
