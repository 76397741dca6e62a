"""Usage by project, and the number of concurrent streams over time."""

from __future__ import annotations

import math
import uuid
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..script.clock import iso_time
from ..script.records import UsageRecord
from ..wire.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ..script.clock import Clock

Kind: TypeAlias = Literal["stt", "tts"]

_AUDIO_TOKEN_MS = 120
_TEXT_TOKEN_CHARACTERS = 4
_MINUTE_SEC = 60
_MILLION = 1_000_000
_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens."""

    input_text: Decimal
    input_audio: Decimal
    output_text: Decimal
    output_audio: Decimal


PRICES: dict[str, Prices] = {
    "stt-async": Prices(Decimal("3.50"), Decimal("1.50"), Decimal("3.50"), _NOTHING),
    "stt-rt": Prices(Decimal("4.00"), Decimal("2.00"), Decimal("4.00"), _NOTHING),
    "": Prices(Decimal("4.00"), _NOTHING, _NOTHING, Decimal("21.50")),
}
"""By prefix of the model names; the last is for text-to-speech, whose models a test may name.

Derived from the example of a summary in the published document, except those of ``stt-rt``, which are invented. A token
of audio is 120 ms, from the same example; a token of text is 4 characters, which is invented. The last token of each
may be shorter. The prices of the service may differ and change.
"""


@dataclass(frozen=True)
class Entry:
    """One request or session that has ended."""

    end: datetime
    """In UTC, to the millisecond."""
    record: UsageRecord


@dataclass
class _Stream:
    kind: Kind
    project: str


class Usage:
    """The usage of one fake. Callers hold the lock of the state.

    Args:
        clock: Of the fake.
        project_of: The permanent key that stands for the project of a key, which may be temporary.
        keep: How many entries are kept.
    """

    def __init__(self, clock: Clock, project_of: Callable[[str], str], keep: int) -> None:
        self._clock = clock
        self._project_of = project_of
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._streams: dict[int, _Stream] = {}
        self._started = 0
        self._changes: deque[tuple[float, str, Kind, int]] = deque(maxlen=keep)
        """Each change of a count, in order: seconds of the epoch, project, kind, new count."""

    def started(self, kind: Kind, api_key: str) -> int:
        """Notes that a stream starts now.

        Args:
            kind: ``stt`` for sessions, ``tts`` for streams and REST requests.
            api_key: The key it was opened with, permanent or temporary.

        Returns:
            Its number, for ``ended``.
        """
        self._started += 1
        stream = self._streams[self._started] = _Stream(kind, self._project_of(api_key))
        self._note(stream)
        return self._started

    def ended(self, number: int) -> None:
        """Notes that a stream has ended; does nothing for one that is not running."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            self._note(stream)

    def running(self, kind: Kind, project: str | None = None) -> int:
        """The number of streams that run now.

        Args:
            kind: Which.
            project: Only those of this project, by its permanent key; None: all.
        """
        return sum(s.kind == kind and project in {None, s.project} for s in self._streams.values())

    def stt_used(
        self,
        *,
        api_key: str,
        model: str,
        client_reference_id: str | None,
        started_sec: float,
        audio_duration_ms: int,
        text: str,
        context: object = None,
        ended_sec: float | None = None,
    ) -> None:
        """Adds the usage of a job or session that has ended: audio in, text out.

        Args:
            api_key: The key that was used, permanent or temporary.
            model: As requested.
            client_reference_id: None: none.
            started_sec: When it began, on the fake's clock.
            audio_duration_ms: Of the audio that was received.
            text: The transcript.
            context: The ``context`` of the request, as JSON values; None: none.
            ended_sec: When it ended; None: now.
        """
        given = context if isinstance(context, str) else json_text(context)
        self.add(
            api_key=api_key,
            model=model,
            client_reference_id=client_reference_id,
            start=self._clock.wall(started_sec),
            end=self._clock.wall(ended_sec),
            input_text="" if context is None else given,
            input_audio_duration_ms=audio_duration_ms,
            output_text=text,
        )

    def tts_used(
        self,
        *,
        api_key: str,
        model: str,
        client_reference_id: str | None,
        started_sec: float,
        text: str,
        audio_duration_ms: int,
    ) -> None:
        """Adds the usage of a stream or REST request that has ended: text in, audio out.

        Args:
            api_key: The key that was used, permanent or temporary.
            model: As requested.
            client_reference_id: None: none.
            started_sec: When it began, on the fake's clock; it ends now.
            text: The text to speak.
            audio_duration_ms: Of the audio that was made.
        """
        self.add(
            api_key=api_key,
            model=model,
            client_reference_id=client_reference_id,
            start=self._clock.wall(started_sec),
            end=self._clock.wall(),
            input_text=text,
            output_audio_duration_ms=audio_duration_ms,
        )

    def add(
        self,
        *,
        api_key: str,
        model: str,
        client_reference_id: str | None,
        start: datetime,
        end: datetime,
        input_text: str = "",
        input_audio_duration_ms: int = 0,
        output_text: str = "",
        output_audio_duration_ms: int = 0,
    ) -> UsageRecord:
        """Adds an entry. Token counts and costs follow from the texts and durations."""
        return self.add_counted(
            uuid=str(uuid.uuid4()),
            api_key=self._project_of(api_key),
            client_reference_id=client_reference_id or "",
            model=model,
            start_time=start,
            end_time=end,
            input_text_tokens=-(-len(input_text) // _TEXT_TOKEN_CHARACTERS),
            input_audio_tokens=-(-input_audio_duration_ms // _AUDIO_TOKEN_MS),
            input_audio_duration_ms=input_audio_duration_ms,
            output_text_tokens=-(-len(output_text) // _TEXT_TOKEN_CHARACTERS),
            output_audio_tokens=-(-output_audio_duration_ms // _AUDIO_TOKEN_MS),
            output_audio_duration_ms=output_audio_duration_ms,
        )

    def add_counted(
        self,
        *,
        uuid: str,
        api_key: str,
        client_reference_id: str = "",
        model: str,
        start_time: datetime,
        end_time: datetime,
        input_text_tokens: int = 0,
        input_audio_tokens: int = 0,
        input_audio_duration_ms: int = 0,
        output_text_tokens: int = 0,
        output_audio_tokens: int = 0,
        output_audio_duration_ms: int = 0,
    ) -> UsageRecord:
        """Adds an entry whose tokens are counted; see ``UsageRecord``. The costs follow from them."""
        end = end_time.replace(microsecond=end_time.microsecond // 1000 * 1000)
        prices = next(prices for prefix, prices in PRICES.items() if model.startswith(prefix))
        record = UsageRecord(
            uuid=uuid,
            api_key=api_key,
            client_reference_id=client_reference_id,
            model=model,
            start_time=iso_time(start_time),
            end_time=iso_time(end),
            input_text_tokens=input_text_tokens,
            input_audio_tokens=input_audio_tokens,
            input_audio_duration_ms=input_audio_duration_ms,
            output_text_tokens=output_text_tokens,
            output_audio_tokens=output_audio_tokens,
            output_audio_duration_ms=output_audio_duration_ms,
            input_text_cost_usd=input_text_tokens * prices.input_text / _MILLION,
            input_audio_cost_usd=input_audio_tokens * prices.input_audio / _MILLION,
            output_text_cost_usd=output_text_tokens * prices.output_text / _MILLION,
            output_audio_cost_usd=output_audio_tokens * prices.output_audio / _MILLION,
        )
        self._entries.append(Entry(end, record))
        return record

    def records(self) -> tuple[UsageRecord, ...]:
        """The last 10,000 entries of all projects, in the order they were made."""
        return tuple(entry.record for entry in self._entries)

    def spent_usd(self, project: str | None = None, *, since: datetime | None = None) -> Decimal:
        """What the entries cost together.

        Args:
            project: Only those of this project, by its permanent key; None: all.
            since: Only those that ended then or later; None: all.
        """
        chosen = (
            entry.record.cost_usd
            for entry in self._entries
            if project in {None, entry.record.api_key} and (since is None or entry.end >= since)
        )
        return sum(chosen, _NOTHING)

    def entries(self, project: str, start: datetime, end: datetime) -> list[Entry]:
        """The entries of a project that ended within a window, in the order of their ends.

        Args:
            project: By its permanent key.
            start: The first moment.
            end: The first moment after the window.
        """
        found = [entry for entry in self._entries if entry.record.api_key == project and start <= entry.end < end]
        return sorted(found, key=lambda entry: (entry.end, entry.record.uuid))

    def values(self, project: str, kind: Kind, start_sec: float, end_sec: float) -> Iterator[tuple[float, int]]:
        """The recorded numbers of concurrent streams of a project in a window, with their moments.

        A value is recorded when a stream starts, and at the start of each minute while streams run. So the highest
        value is the peak, and a minute without streams has no value.

        Args:
            project: By its permanent key.
            kind: Of streams.
            start_sec: Seconds of the epoch, a whole minute.
            end_sec: The first second after the window.
        """
        # The window includes the present moment.
        known_sec = min(end_sec, math.nextafter(self._clock.wall().timestamp(), math.inf))
        changes = [(sec, count) for sec, *what, count in self._changes if what == [project, kind]]
        running, minute_sec = 0, start_sec
        for sec, count in [*changes, (known_sec, 0)]:
            while running and minute_sec < min(sec, known_sec):
                yield minute_sec, running
                minute_sec += _MINUTE_SEC
            minute_sec = max(minute_sec, math.ceil(sec / _MINUTE_SEC) * _MINUTE_SEC)
            if count > running and start_sec <= sec < end_sec:
                yield sec, count
                # A stream that starts exactly with a minute is recorded once.
                minute_sec += _MINUTE_SEC * (sec == minute_sec)
            running = count

    def _note(self, stream: _Stream) -> None:
        count = self.running(stream.kind, stream.project)
        self._changes.append((self._clock.wall().timestamp(), stream.project, stream.kind, count))
