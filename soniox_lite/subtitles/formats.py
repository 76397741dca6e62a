"""Writes cues as SRT and WebVTT, and transcripts as plain text."""

from __future__ import annotations

import re
from unicodedata import category

from ..transcript.translations import translation_segments
from ._pieces import glue
from .tracks import DASH, check_track, cues, shown_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..transcript import TokensInput
    from .layout import Layout
    from .tracks import Cue, Track
_WORD_JOINER = "\u2060"
# SRT readers interpret HTML tags, and the override codes, breaks and spaces of SubStation Alpha.
_TAG = re.compile(r"<[^>]*>|-->")
_OVERRIDE = re.compile(r"\{[^}]*\}")
_BREAK = re.compile(r"(?<=\\)(?=[Nnh])")
_FULL_WIDTH_BRACES = str.maketrans("{}", "｛｝")  # noqa: RUF001 - they look alike and are not interpreted
# Readers take two times in a line for a cue's times, and digits alone in the last line for the next cue's number.
_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}[.,]\d{1,3}"
_TWO_TIMES = re.compile(rf"({_TIME}[^\n]*?) ?(?={_TIME})")
_LAST_NUMBER = re.compile(r"(?<=\n)( *\d+)\Z")


def to_srt(
    source: TokensInput, *, track: Track = "original", speakers: bool = True, layout: Layout | None = None
) -> str:
    r"""The subtitles of a transcript as the content of a SubRip file; lines end with ``\n``.

    SubRip has no escapes for text that looks like its markup. Such text is changed: ``<b>`` and ``-->`` are written
    with ``&lt;`` and ``&gt;``, ``{b}`` with full-width braces, and ``\N`` with an invisible word joiner inside.

    Args:
        source: A transcript, an event or tokens.
        track: ``original`` for what was said; ``translation`` for its translation, with the original where there is
            none; ``both`` for the original above the translation.
        speakers: Whether a dash marks a change of speakers. No dash is written if there is only one speaker.
        layout: Limits; None for the defaults of :class:`Layout`.

    Raises:
        SonioxValidationError: ``track`` has another value, ``layout`` is not a :class:`Layout`, ``source`` has no
            tokens, or no token with text has a time.
        SonioxAPIError: One of the dicts is not a valid token.
    """
    parts: list[str] = []
    found = cues(source, track=track, layout=layout)
    is_conversation = any(cue.speaker != found[0].speaker for cue in found)
    for number, cue in enumerate(found, 1):
        is_other = number == 1 or cue.speaker != found[number - 2].speaker
        dash = DASH if speakers and is_conversation and is_other else ""
        text = _without_markup(dash + "\n".join(cue.lines))
        if _TAG.search(text):
            # The tags are HTML's, and so are the escapes.
            text = text.replace("<", "&lt;").replace(">", "&gt;")
        parts.append(f"{number}\n{_timestamp(cue.start_ms, ',')} --> {_timestamp(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(parts)


def to_vtt(
    source: TokensInput, *, track: Track = "original", speakers: bool = True, layout: Layout | None = None
) -> str:
    r"""The subtitles of a transcript as the content of a WebVTT file; lines end with ``\n``.

    Text that looks like markup is escaped. ``{b}`` and ``\N`` are no markup in WebVTT and are not changed.

    Args:
        source: A transcript, an event or tokens.
        track: ``original`` for what was said; ``translation`` for its translation, with the original where there is
            none; ``both`` for the original above the translation.
        speakers: Whether cues name a known speaker as ``<v Speaker 1>``, which players do not show.
        layout: Limits; None for the defaults of :class:`Layout`.

    Raises:
        SonioxValidationError: ``track`` has another value, ``layout`` is not a :class:`Layout`, ``source`` has no
            tokens, or no token with text has a time.
        SonioxAPIError: One of the dicts is not a valid token.
    """
    blocks = [vtt_cue(cue, speakers=speakers) for cue in cues(source, track=track, layout=layout)]
    return "\n".join(["WEBVTT\n", *blocks])


def vtt_cue(cue: Cue, *, speakers: bool = True) -> str:
    r"""One cue as a block of a WebVTT file, which begins with a line ``WEBVTT``; an empty line precedes each block.

    Args:
        cue: Its times are in milliseconds.
        speakers: Whether it names a known speaker as ``<v Speaker 1>``, which players do not show.

    Returns:
        Its lines; the last one ends with ``\n``, too.
    """
    name = _name_of(cue.speaker)
    voice = f"<v Speaker {_escaped(name)}>" if speakers and name else ""
    text = _escaped(_without_cue_syntax("\n".join(cue.lines)))
    return f"{_timestamp(cue.start_ms, '.')} --> {_timestamp(cue.end_ms, '.')}\n{voice}{text}\n"


def to_text(source: TokensInput, *, track: Track = "original", speakers: bool = True) -> str:
    """A transcript as plain text: one line for each turn of a speaker.

    Args:
        source: A transcript, an event or tokens.
        track: ``original`` for what was said; ``translation`` for its translation, with the original where there is
            none; ``both`` for the whole original and after it the translation, in lines that begin with its language:
            ``[es]``.
        speakers: Whether lines begin with ``Speaker 1:`` if the speaker is known.

    Raises:
        SonioxValidationError: ``track`` has another value, or ``source`` has no tokens.
        SonioxAPIError: One of the dicts is not a valid token.
    """
    check_track(track)
    found = translation_segments(source, final_only=True)
    turns: list[tuple[str, str, list[str]]] = []

    def add(language: object, speaker: object, text: str) -> None:
        prefix = f"[{_name_of(language)}] " if language else ""
        name = _name_of(speaker)
        if not turns or turns[-1][:2] != (prefix, name):
            turns.append((prefix, name, []))
        turns[-1][2].append(text)

    for segment in found:
        add("", segment.speaker, segment.text if track != "translation" else shown_text(segment))
    if track == "both":
        for segment in found:
            if segment.translation_text is not None:
                add(segment.translation_language or "?", segment.speaker, segment.translation_text)
    lines: list[str] = []
    for prefix, name, texts in turns:
        text = _joined(texts) if prefix or track == "translation" else "".join(texts)
        text = " ".join(text.strip().splitlines())
        if text:
            lines.append(f"{prefix}{f'Speaker {name}: ' if name and speakers else ''}{text}")
    return "\n".join(lines)


def _timestamp(time_ms: int, point: str) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"


def _name_of(value: object) -> str:
    """A speaker or language on one line; empty if unset. Decoding does not check these fields of tokens."""
    return " ".join("".join(map(_writable, str(value))).split()) if value else ""


def _writable(char: str) -> str:
    """The character; empty for a control character, U+FFFD for half of a surrogate pair."""
    kind = "" if char.isprintable() else category(char)
    return "" if kind == "Cc" and not char.isspace() else "\ufffd" if kind == "Cs" else char


def _without_markup(text: str) -> str:
    """The text of a cue without anything that SRT readers take for markup."""
    if _OVERRIDE.search(text):
        text = text.translate(_FULL_WIDTH_BRACES)
    return _without_cue_syntax(_BREAK.sub(_WORD_JOINER, text))


def _without_cue_syntax(text: str) -> str:
    """The text of a cue without anything that readers take for the times or the number of a cue."""
    return _LAST_NUMBER.sub(rf"\1{_WORD_JOINER}", _TWO_TIMES.sub(r"\1\n", text))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _joined(texts: Iterable[str]) -> str:
    """Joins translations, with spaces where they lack them."""
    glued = ""
    for text in texts:
        glued += glue(glued, text) + text
    return glued
