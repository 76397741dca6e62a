"""A voice gate: silence is dropped before it is sent, and times are shifted as if it had been sent.

Theory of operation. Audio is judged in frames of 20 ms by its loudness. The background is the quietest that was heard
in the last ten seconds: speech has gaps of that level all the time. A frame is loud if it is 6 dB above the background,
or very loud. Three loud frames of five open the gate, so that a click does not. Since speech begins softly, the audio
just before goes out too (the *pre-roll*); after the last loud frame the gate stays open for a while (the *hangover*).
In doubt it is open: sending silence costs little, and a lost syllable cannot be had back.

What goes out is a series of *stretches* of the original audio. The service's clock counts what it got, so each stretch
remembers where it begins in both clocks.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from copy import copy
from threading import Lock

from .._data.rules import FieldErrors
from ..errors import SonioxValidationError
from ..types.realtime import TOKEN_TEXT_FIN, RealtimeEvent, RealtimeSTTConfig
from .chunks import check_block
from .samples import FULL_SCALE, level_meter, sample_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
    from typing import Any

    from typing_extensions import Buffer

    from ..types.common import Token
    from ..types.config_dicts import RealtimeSTTConfigDict

_FRAME_MS = 20
# How many of the last frames have to be loud.
_LOOKED_AT, _LOUD_OF_THEM = 5, 3
# 6 dB above the background.
_ABOVE_BACKGROUND = 4.0
# Quieter than -66 dB is silence, and louder than -20 dB is not, whatever the background.
_SILENT = FULL_SCALE**2 * 10 ** (-66 / 10)
_LOUD = FULL_SCALE**2 * 10 ** (-20 / 10)
# The background is the quietest of 20 blocks of half a second.
_BLOCK_FRAMES, _BLOCKS = 25, 20
_SMOOTHING = 0.4
# Until the background is known.
_OPEN_AT_FIRST_MS = 1000
# How much longer the gate stays open than the service needs to detect an endpoint.
_AFTER_ENDPOINT_MS = 500
_DEFAULT_ENDPOINT_DELAY_MS = 2000
_DEFAULT_HANGOVER_MS = 1000
# By how much the service moves its clock at a finalize, at most.
_MAX_PADDING_MS = 250
_MAX_MS = 60_000


class VoiceGate:
    """Drops silence from raw audio, and shifts the times of results back by what was left out.

    One thread (or task) feeds a gate; another may restore events meanwhile. A gate is for one session. The session
    needs ``keep_alive_interval_sec``, since nothing is sent in silence. It should not be paused: a gate counts what it
    lets through as sent.

    Attributes:
        hangover_ms: How long the gate stays open after the last sound.
        pre_roll_ms: How much audio before a sound goes out with it.
    """

    def __init__(
        self,
        config: RealtimeSTTConfig | RealtimeSTTConfigDict | dict[str, Any],
        *,
        hangover_ms: int | None = None,
        pre_roll_ms: int = 300,
    ) -> None:
        """A gate. It is open until the background is known.

        Args:
            config: The session's, also as a dict; its format has to be a raw one.
            hangover_ms: How long to stay open after the last sound, 0 to 60,000. None for one second, or with endpoint
                detection for ``max_endpoint_delay_ms`` and half a second: the service reports an endpoint only after
                that much silence.
            pre_roll_ms: How much audio before a sound goes out with it, 0 to 60,000.

        Raises:
            SonioxValidationError: The config is not valid or its format is not raw, or a number is out of range.
        """
        self._config = RealtimeSTTConfig.of(config)
        width = sample_bytes(self._config.audio_format)
        if width is None:
            raise SonioxValidationError(
                f"a voice gate needs raw samples, not {self._config.audio_format}; "
                "for a WAV file use wav_config and stream_wav"
            )
        if hangover_ms is None:
            hangover_ms = self._default_hangover_ms()
        with FieldErrors("the voice gate") as check:
            check.integer("hangover_ms", hangover_ms, minimum=0, maximum=_MAX_MS)
            check.integer("pre_roll_ms", pre_roll_ms, minimum=0, maximum=_MAX_MS)
        self.hangover_ms = hangover_ms
        self.pre_roll_ms = pre_roll_ms
        rate, channels = self._config.sample_rate or 1, self._config.num_channels or 1
        samples = max(1, rate * _FRAME_MS // 1000)
        self._frame_ms = samples * 1000 / rate
        self._frame_bytes = samples * channels * width
        self._level = level_meter(self._config.audio_format, channels, samples)
        # What does not fill a frame yet.
        self._rest = bytearray()
        # Frames that were judged, and those of them that went out.
        self._frames = 0
        self._passed = 0
        self._hangover_frames = math.ceil(hangover_ms / self._frame_ms)
        # The gate is open for frames before this one.
        self._open_until = max(self._hangover_frames, math.ceil(_OPEN_AT_FIRST_MS / self._frame_ms))
        # One bit for each of the last frames, set if it was loud.
        self._loudness = 0
        self._background = _Background()
        # The last frames that did not go out. Those that open the gate come on top of the pre-roll.
        self._pre_roll: deque[bytes] = deque(maxlen=math.ceil(pre_roll_ms / self._frame_ms) + _LOOKED_AT - 1)
        self._lock = Lock()
        # Where each stretch begins in the service's clock, and in the original audio; and by how much the service has
        # moved its clock without audio.
        self._told_ms = [0.0]
        self._true_ms = [0.0]
        self._padding_ms = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the audio goes out at present."""
        return self._frames < self._open_until

    @property
    def passed_ms(self) -> float:
        """How much audio went out."""
        return self._passed * self._frame_ms

    @property
    def dropped_ms(self) -> float:
        """How much audio was left out, not counting what may go out yet as pre-roll."""
        return (self._frames - self._passed - len(self._pre_roll)) * self._frame_ms

    def feed(self, chunk: Buffer) -> bytes:
        """The audio to send now, empty in silence. It is up to 20 ms behind.

        Args:
            chunk: The next audio, of any length.

        Raises:
            SonioxValidationError: The chunk is not bytes-like.
        """
        rest, size = self._rest, self._frame_bytes
        rest += check_block(chunk)
        end = len(rest) // size * size
        sent = [self._pass(bytes(rest[start : start + size])) for start in range(0, end, size)]
        del rest[:end]
        return b"".join(sent)

    def flush(self) -> bytes:
        """What is left at the end of the audio, less than a frame; empty if the gate is closed."""
        left = bytes(self._rest) if self.is_open else b""
        self._rest.clear()
        return left

    def filter(self, chunks: Iterable[Buffer]) -> Generator[bytes, None, None]:
        """The audio to send, for ``session.send_bytes``.

        Args:
            chunks: The audio.

        Raises:
            SonioxValidationError: A chunk is not bytes-like.
        """
        for chunk in chunks:
            if audio := self.feed(chunk):
                yield audio
        if audio := self.flush():
            yield audio

    async def filter_async(self, chunks: AsyncIterable[Buffer]) -> AsyncGenerator[bytes, None]:
        """As :meth:`filter`, for asyncio.

        Args:
            chunks: The audio.

        Raises:
            SonioxValidationError: A chunk is not bytes-like.
        """
        async for chunk in chunks:
            if audio := self.feed(chunk):
                yield audio
        if audio := self.flush():
            yield audio

    def restore(self, event: RealtimeEvent) -> RealtimeEvent:
        """An event with the times of the original audio: those of its tokens, and both counters.

        Args:
            event: As it was received. It is not changed.

        Returns:
            A copy; the event itself while nothing has been left out.
        """
        if any(token.text == TOKEN_TEXT_FIN and token.is_final for token in event.tokens):
            self._note_padding(event.final_audio_proc_ms)
        with self._lock:
            if len(self._told_ms) == 1:
                return event
            restored = copy(event)
            restored.final_audio_proc_ms = self._true_or_none(event.final_audio_proc_ms)
            restored.total_audio_proc_ms = self._true_or_none(event.total_audio_proc_ms)
            restored.tokens = [self._restored(token) for token in event.tokens]
        return restored

    def restore_ms(self, ms: float) -> float:
        """The time in the original audio for a time that the service sent, both in milliseconds."""
        with self._lock:
            return self._true_at(ms, self._stretch_at(ms))

    def _default_hangover_ms(self) -> int:
        if not self._config.enable_endpoint_detection:
            return _DEFAULT_HANGOVER_MS
        return (self._config.max_endpoint_delay_ms or _DEFAULT_ENDPOINT_DELAY_MS) + _AFTER_ENDPOINT_MS

    def _pass(self, frame: bytes) -> bytes:
        """The audio to send after another frame."""
        was_open = self.is_open
        is_loud = self._background.is_exceeded_by(self._level(frame))
        self._loudness = (self._loudness << 1 | is_loud) & ((1 << _LOOKED_AT) - 1)
        if self._loudness.bit_count() >= _LOUD_OF_THEM:
            self._open_until = max(self._open_until, self._frames + 1 + self._hangover_frames)
        is_open = self.is_open
        self._frames += 1
        if not is_open:
            self._pre_roll.append(frame)
            return b""
        if not was_open:
            return self._open(frame)
        self._passed += 1
        return frame

    def _open(self, frame: bytes) -> bytes:
        frames = [*self._pre_roll, frame]
        self._pre_roll.clear()
        true_ms = (self._frames - len(frames)) * self._frame_ms
        told_ms = self._passed * self._frame_ms + self._padding_ms
        with self._lock:
            if abs(true_ms - self._true_at(told_ms, -1)) > 0.001:
                self._told_ms.append(told_ms)
                self._true_ms.append(true_ms)
        self._passed += len(frames)
        return b"".join(frames)

    def _note_padding(self, final_ms: float | None) -> None:
        """A finalize moves the service's clock a little. It is known where that was if it was done in silence."""
        if final_ms is None:
            return
        with self._lock:
            # Between two stretches, or after the last one.
            silences_ms = self._told_ms[1:]
            if not self.is_open:
                silences_ms.append(self._passed * self._frame_ms + self._padding_ms)
            place = bisect_left(silences_ms, final_ms)
            padding_ms = final_ms - silences_ms[place - 1] if place else 0.0
            if 0 < padding_ms <= _MAX_PADDING_MS:
                self._padding_ms += padding_ms
                self._told_ms[place:] = [told_ms + padding_ms for told_ms in self._told_ms[place:]]

    def _stretch_at(self, ms: float) -> int:
        # The end of a stretch belongs to it, not to the next one.
        return max(0, bisect_right(self._told_ms, ms - 0.001) - 1)

    def _true_at(self, told_ms: float, stretch: int) -> float:
        return self._true_ms[stretch] + told_ms - self._told_ms[stretch]

    def _true_or_none(self, ms: int | None) -> int | None:
        return None if ms is None else round(self._true_at(ms, self._stretch_at(ms)))

    def _restored(self, token: Token) -> Token:
        start_ms, end_ms = token.start_ms, token.end_ms
        # The fields of tokens are not checked when they arrive.
        if not isinstance(start_ms, (int, float)) or not isinstance(end_ms, (int, float)):
            return token
        if not math.isfinite(start_ms + end_ms):
            return token
        restored = copy(token)
        # A word lies in one stretch, even if its time is told to reach into the next one.
        stretch = self._stretch_at((start_ms + end_ms) / 2)
        restored.start_ms = round(self._true_at(start_ms, stretch))
        restored.end_ms = round(self._true_at(end_ms, stretch))
        return restored


class _Background:
    """The level of the background: the quietest of the last ten seconds."""

    def __init__(self) -> None:
        # The last one is not complete.
        self._blocks: deque[float] = deque([math.inf], maxlen=_BLOCKS)
        self._frames = 0
        self._smooth: float | None = None

    def is_exceeded_by(self, level: float) -> bool:
        """Whether a frame of this level is sound; it becomes part of the background."""
        # Samples that are no numbers have no level, and are let through.
        if level < math.inf:
            self._smooth = level if self._smooth is None else self._smooth + (level - self._smooth) * _SMOOTHING
            self._blocks[-1] = min(self._blocks[-1], self._smooth)
        # The first block may be speech.
        background = min(self._blocks) if len(self._blocks) > 1 else 0.0
        self._frames += 1
        if self._frames % _BLOCK_FRAMES == 0:
            self._blocks.append(math.inf)
        is_quiet = level < _LOUD and level < max(_SILENT, _ABOVE_BACKGROUND * background)
        return not is_quiet
