"""Transcripts from tokens: text, segments and utterances, of live sessions and of finished jobs.

::

    buffer = TranscriptBuffer()
    for event in session.receive_events():
        buffer.add(event)
        show(buffer.final_text, buffer.tail_text)
        for utterance in buffer.take_utterances():
            answer(utterance.speaker, utterance.text)

:class:`SegmentBuffer` hands out the segments of a session, each when it is complete, and keeps nothing else.

A final token is sent once. The non-final tokens of an event are the service's current guess at everything after the
final ones. They replace those of the event before; appending them would duplicate words. ``<end>`` and ``<fin>`` are
marks, not speech. The service sends translations between the spoken tokens; the functions here separate the two.

A token's time that is no time (a text, NaN, a number longer than any recording) counts as unknown, so that one invalid
value from the service loses no words.
"""

from __future__ import annotations

from .buffer import TranscriptBuffer, Utterance
from .segment_buffer import SegmentBuffer
from .segments import Segment, segments
from .translations import TranslationSegment, translation_segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._tokens import TokensInput as TokensInput, UtteranceEnd as UtteranceEnd
    from .segments import GroupKey as GroupKey

__all__ = [
    "Segment",
    "SegmentBuffer",
    "TranscriptBuffer",
    "TranslationSegment",
    "Utterance",
    "segments",
    "translation_segments",
]
