"""How wide a text is where every character takes whole columns: on a terminal, and in a subtitle."""

from __future__ import annotations

from unicodedata import category, east_asian_width

__all__ = ["width_of"]


def width_of(text: str) -> int:
    """How many columns a text without control characters takes.

    A character that joins the one before takes none; a Chinese, Japanese or Korean one, and most pictures, two.
    """
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if char.isascii():
        return 1
    # Vowels and endings of Korean syllables that are spelt in parts stand in the first part's place.
    if category(char) in {"Mn", "Me", "Cf"} or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
