"""Words that the fake makes up, and the spaces between words."""

from __future__ import annotations

_COMMON_WORDS = """
a about after all and are as at back be because but by can come day do even first for from get give go good
have her here how if in into it just know like look make many morning most new no not now of on one only or
other our out over people question remember say see so some take than that the then there these they thing
think time to together two up us use want way we well what when which who will with work would year
yesterday you
"""
VOCABULARY = _COMMON_WORDS.split()
CLOSING = frozenset(",.;:!?…%)]}»、。，！？；：")  # noqa: RUF001 - full-width marks are meant
SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")  # noqa: RUF001 - full-width marks are meant


def space_before(text: str, *, first: bool) -> str:
    """The separator before a word: nothing or a space."""
    return "" if first or text[0] in CLOSING or text[0].isspace() else " "
