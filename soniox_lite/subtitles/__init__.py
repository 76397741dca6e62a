"""Subtitles and plain text from transcripts, of finished jobs and of live sessions.

::

    transcript = client.stt.translate_and_wait_with_tokens(file="talk.mp4", to="es")
    Path("talk.es.srt").write_text(to_srt(transcript, track="translation"), encoding="utf-8")

The defaults follow the usual guidelines (Netflix, "Timed Text Style Guide: General Requirements"; BBC, "Subtitle
Guidelines"): two lines of 42 columns, 5/6 s to 7 s on the screen, a reading speed of 17 characters a second, two frames
between two cues. A cue holds words of one speaker. It ends with a sentence or before a pause. A sentence that is too
long is preferably broken after a comma, into parts of similar length. Languages written without spaces are broken
between characters, but not before a closing mark or after an opening one.

A source is a transcript, an event, or tokens, also as dicts. After a live session, pass the ``final_tokens`` of its
:class:`~soniox_lite.transcript.TranscriptBuffer`; :class:`LiveCues` makes cues while it goes on. Non-final tokens and
the marks ``<end>`` and ``<fin>`` are left out.
"""

from __future__ import annotations

from .formats import to_srt, to_text, to_vtt, vtt_cue
from .layout import Layout
from .live import LiveCues
from .tracks import Cue, cues

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tracks import Track as Track

__all__ = ["Cue", "Layout", "LiveCues", "cues", "to_srt", "to_text", "to_vtt", "vtt_cue"]
