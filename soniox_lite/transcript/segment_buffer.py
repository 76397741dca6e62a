"""Segments of a live session, each handed out when it is complete."""

from __future__ import annotations

from .._data.safe_repr import safe_repr
from ..types.realtime import RealtimeEvent
from ._tokens import is_mapping, tokens_of
from .segments import GROUP_KEYS, Grouping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..types.common import Token
    from ..types.transcriptions import TranscriptionTranscript
    from .segments import GroupKey, Segment


class SegmentBuffer:
    """Hands out the segments of a session one by one. Not thread-safe.

    A segment is complete, and will not change, when a final token that does not belong to it has followed, or when the
    session has ended. Only the tokens of the segment that is not complete are kept.
    """

    def __init__(
        self, group_by: Sequence[GroupKey] | GroupKey = GROUP_KEYS, *, translations: bool | None = None
    ) -> None:
        """An empty buffer.

        Args:
            group_by: What a change of begins a segment: ``speaker``, ``language``, both, or none (an empty sequence).
            translations: True for translations only, False for what was said only, None for both in their order.

        Raises:
            SonioxValidationError: ``group_by`` contains another name.
        """
        self._grouping = Grouping(group_by, translations=translations)

    def add(self, event: RealtimeEvent | TranscriptionTranscript | Mapping[str, Any]) -> list[Segment]:
        """Adds the final tokens of an event.

        Args:
            event: An event, also as the dict decoded from its JSON; or the transcript of a job. It is not changed.

        Returns:
            The segments that are complete with it, in order; those of the last event include the unfinished one.

        Raises:
            SonioxValidationError: The object has no tokens.
            SonioxAPIError: The dict is not a valid event.
        """
        source: Any = event
        if is_mapping(source):
            source = RealtimeEvent.from_dict(source)
        found = self._grouping.add(token for token in tokens_of(source) if token.is_final is not False)
        # The transcript of a job has no such field and is always complete.
        return found + self.flush() if getattr(source, "finished", True) else found

    def flush(self) -> list[Segment]:
        """The segment that is not complete, for example at an endpoint: tokens that follow begin another one.

        Returns:
            That segment; nothing if there are no tokens.
        """
        return self._grouping.flush()

    def clear(self) -> None:
        """Drops the segment that is not complete."""
        self._grouping.tokens.clear()

    @property
    def tokens(self) -> list[Token]:
        """The final tokens of the segment that is not complete."""
        return list(self._grouping.tokens)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self._grouping.tokens)} tokens>"
