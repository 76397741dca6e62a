"""What a test lets go wrong: verbs that add plain data to one list, and the one place where the list is looked at.

A request, a WebSocket that is asked for, and a session that starts each look once and get the effect of the first
fault that fits. What the effects do is written where they happen: ``fault_delivery`` for HTTP,
``realtime`` for sessions.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..wire.operations import STT, TTS
from .actions import SendRaw
from .session_faults import (
    OF_SPEECH,
    DelayAudio,
    EndStream,
    SessionFault,
    SpoilAudio,
    checked_spoil,
    drop_fate,
    error_fate,
    malformed_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from typing_extensions import Self

    from .clock import Clock
    from .session_faults import AudioSpoil, MalformedKind

Moment: TypeAlias = Literal["before", "during", "after", "answer"]
"""Where an HTTP exchange breaks. ``before``: the body of the request is not read. ``during``: half of it is. ``after``:
the server has done what was asked, and nothing of its answer is sent. ``answer``: half of the answer is sent."""
Breakage: TypeAlias = Literal["reset", "eof", "stall"]
"""How a connection breaks. ``reset``: with a TCP reset. ``eof``: it ends in order, but too early. ``stall``: it stays
open, and nothing moves any more."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_MOMENTS = ("before", "during", "after", "answer")
_ERROR_TYPES = {
    400: "invalid_request",
    401: "unauthenticated",
    402: "organization_balance_exhausted",
    403: "permission_denied",
    404: "not_found",
    408: "request_timeout",
    409: "invalid_state",
    429: "limit_exceeded",
    500: "internal_error",
    503: "service_unavailable",
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer in place of what was asked for."""

    status_code: int
    error_type: str
    message: str
    headers: tuple[tuple[str, str], ...]
    html: bool
    """A page for people, instead of the API's error in JSON."""


@dataclass(frozen=True)
class Break:
    """An HTTP exchange that breaks."""

    moment: Moment
    how: Breakage


@dataclass(frozen=True)
class Drip:
    """An answer that comes slowly."""

    block_bytes: int
    every_sec: float


@dataclass(frozen=True)
class Spoil:
    """An answer whose body is changed."""

    change: Literal["truncate", "garble"]


@dataclass(frozen=True)
class ContentType:
    """An answer that says that it is something else."""

    value: str


RequestEffect: TypeAlias = Answer | Break | Drip | Spoil | ContentType
Effect: TypeAlias = RequestEffect | SessionFault


@dataclass(eq=False)
class Fault:
    """Something that goes wrong, from when it was added until it is used up or removed.

    Also a context manager, which removes it at the end. May be used from any thread.
    """

    effect: Effect
    """What it does."""
    operation: str | None
    """Where: the name of an operation, ``stt`` or ``tts``; None: everywhere it can."""
    times: int | None
    """How often it happens before it is used up; None: for ever."""
    probability: float
    """Of happening, each time it could; 0 to 1."""
    _faults: Faults = field(repr=False)
    _dice: random.Random = field(repr=False)
    _until_sec: float | None = field(default=None, repr=False)
    _hits: int = field(default=0, repr=False)

    def description(self) -> str:
        """This fault in words, for people."""
        times = "" if self.times is None else f", {self._hits} of {self.times} times"
        return f"{self.effect} on {self.operation or 'anything'}{times}"

    @property
    def hits(self) -> int:
        """How often it happened; of a fault later in a session: how many sessions it was meant for."""
        return self._hits

    def remove(self) -> None:
        """Lets it happen no more; does nothing when it is used up or was removed."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def is_due(self, now_sec: float) -> bool:
        """Whether its time has not passed yet."""
        return self._until_sec is None or now_sec < self._until_sec

    def strikes(self, operation: str | None, now_sec: float) -> bool:
        """Whether it happens to this operation now, noted if so; for ``Faults``, which holds the lock."""
        if self.operation not in {None, operation} or not self.is_due(now_sec):
            return False
        if self.times is not None and self._hits >= self.times:
            return False
        # Thrown only where it could happen, so a seed means the same however many other requests there are.
        if self.probability < 1 and self._dice.random() >= self.probability:
            return False
        self._hits += 1
        return True


class Faults:
    """What goes wrong in one fake: ``fake.faults``. May be used from any thread.

    Each verb adds a fault and returns it. Every one takes, beside its own settings:

    - ``operation``: an ``operationId`` of the API's document, such as ``create_transcription``, or ``stt`` or ``tts``
      for the WebSockets; None: everything that the verb can be used on.
    - ``times``: how often it happens; None: until it is removed.
    - ``probability``: of happening, 0 to 1, each time it could.
    - ``seed``: of these dice; the same seed decides the same.

    Where several fit, the one that was added first happens. Each raises ``ValueError`` for settings that cannot be.

    Args:
        lock: Of the fake's state; it may be entered again by the thread that has it.
        clock: Of the fake.
        operations: The names of the REST operations.
        clear_others: Removes what else was told to fail and is no fault of these verbs; called with the lock.
    """

    def __init__(
        self,
        lock: AbstractContextManager[object],
        clock: Clock,
        operations: frozenset[str],
        clear_others: Callable[[], object],
    ) -> None:
        self._lock = lock
        self._operations = operations
        self._clear_others = clear_others
        self._clock = clock
        self._faults: list[Fault] = []
        self._offline: list[Fault] = []
        self._wakes: list[Callable[[], None]] = []

    def answer(
        self,
        status_code: int,
        *,
        error_type: str | None = None,
        message: str | None = None,
        retry_after_sec: float | None = None,
        headers: Mapping[str, str] | None = None,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Requests are answered with this status and an error of the API's shape; what they ask for is not done.

        The request that opens a WebSocket is such a request as well.

        Args:
            status_code: HTTP status, 300 to 599.
            error_type: Of the error; None: the one that belongs to the status.
            message: Of the error; None: a text that says the fake was told so.
            retry_after_sec: Value of ``Retry-After`` in seconds; None: there is none.
            headers: More headers, such as another form of ``Retry-After``.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        effect = _answer(status_code, error_type, message, retry_after_sec, headers)
        return self._add(effect, operation, times, probability, seed)

    def refuse(
        self,
        status_code: int = 503,
        *,
        error_type: str | None = None,
        message: str | None = None,
        retry_after_sec: float | None = None,
        operation: str = STT,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """WebSockets are not opened: the handshake is answered with this HTTP status. Arguments as for ``answer``."""
        effect = _answer(status_code, error_type, message, retry_after_sec, None)
        return self._add(effect, operation, times, probability, seed)

    def html(
        self,
        status_code: int = 502,
        *,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Requests are answered with a page for people, as by a proxy; what they ask for is not done.

        Args:
            status_code: HTTP status, 200 to 599.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        effect = Answer(_checked_status(status_code, 200), "", _phrase(status_code), (), html=True)
        return self._add(effect, operation, times, probability, seed)

    def reset(
        self,
        when: Moment = "before",
        *,
        how: Literal["reset", "eof"] = "reset",
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The connection of a request is lost.

        Args:
            when: ``before`` the body of the request is read, ``during`` that, ``after`` it: then the server has done
                what was asked, and its answer is lost. ``answer``: half of the answer was sent. The request for a
                WebSocket knows ``before`` only.
            how: ``reset``: by a TCP reset. ``eof``: it is closed in order, as by a server that is restarted.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        if how not in {"reset", "eof"}:
            raise ValueError(f"how must be 'reset' or 'eof', not {how!r}")
        return self._add(Break(_checked_moment(when), how), operation, times, probability, seed)

    def stall(
        self,
        when: Moment = "before",
        *,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The connection of a request stays open until the fake stops, but nothing moves. Arguments as for ``reset``.

        For a session that is open already, see ``drop`` and ``half_open``.
        """
        return self._add(Break(_checked_moment(when), "stall"), operation, times, probability, seed)

    def drip(
        self,
        *,
        block_bytes: int = 1,
        every_sec: float = 0.01,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The answer to a REST request comes slowly.

        Args:
            block_bytes: Bytes that come at once, at least 1.
            every_sec: Seconds of the fake's clock between them.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        if block_bytes < 1 or not every_sec >= 0:
            raise ValueError(f"an answer cannot come with {block_bytes} bytes every {every_sec} s")
        return self._add(Drip(block_bytes, every_sec), operation, times, probability, seed)

    def truncate(
        self,
        *,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The body of the answer to a REST request is half of what it should be, in a response that HTTP finds whole.

        For a body that is shorter than the response says, use ``reset("answer", how="eof")``.
        """
        return self._add(Spoil("truncate"), operation, times, probability, seed)

    def garble(
        self,
        *,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The body of the answer to a REST request is of the right length, but neither JSON nor UTF-8."""
        return self._add(Spoil("garble"), operation, times, probability, seed)

    def content_type(
        self,
        value: str = "text/plain",
        *,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The right answer to a REST request says that it is of another type."""
        return self._add(ContentType(_checked_header("Content-Type", value)[1]), operation, times, probability, seed)

    def error(
        self,
        error_type: str,
        message: str | None = None,
        *,
        status_code: int | None = None,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        whole_connection: bool = False,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Realtime sessions end with an error message, and so do streams of text-to-speech.

        Only a valid start message meets this and the faults below. A session that fails at its start takes no
        transcript.

        Args:
            error_type: The message's ``error_type``, such as ``service_unavailable``.
            message: The message's ``error_message``; None: a text that says the fake was told so.
            status_code: The message's ``error_code``; None: the one that belongs to the type.
            after_audio_ms: Once so many milliseconds of audio have been answered, or sent by a stream.
            after_frames: Once so many messages were sent to the client, or so many with audio by a stream. Without
                either, it is the answer to the start message.
            whole_connection: Whether it ends the connection of a text-to-speech stream, and all its streams.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        fate = error_fate(error_type, message, status_code)
        fault = SessionFault(fate, after_audio_ms, after_frames, whole_connection)
        return self._add(fault, operation, times, probability, seed)

    def drop(
        self,
        *,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        how: str = "reset",
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """The connections of realtime sessions and of text-to-speech streams break.

        Args:
            after_audio_ms: As for ``error``.
            after_frames: As for ``error``.
            how: ``reset``: by a TCP reset. ``eof``: the connection ends without a close frame. ``stall``: it stays open
                until the fake stops, but nothing is read or answered any more, pings included. ``half_open``: the
                same, but what the client sends goes away, as on a line that is dead. ``close:1011``: a close frame
                with this code.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        fault = SessionFault(drop_fate(how), after_audio_ms, after_frames)
        return self._add(fault, operation, times, probability, seed)

    def half_open(
        self,
        *,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Realtime sessions fall silent: ``drop`` with ``how="half_open"``."""
        fault = SessionFault(drop_fate("half_open"), after_audio_ms, after_frames)
        return self._add(fault, operation, times, probability, seed)

    def malformed_frame(
        self,
        kind: MalformedKind = "reserved_bits",
        *,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Realtime sessions send a frame that no client can make sense of, and go on.

        Args:
            kind: Breaks of the WebSocket protocol are ``reserved_bits``, ``opcode`` (one that means nothing),
                ``masked``, ``continuation`` (of nothing), ``utf8`` (a text message that is none). Well-formed but not
                of this API are ``json`` (a text that is not JSON), ``array`` (JSON that is no object) and ``binary``.
            after_audio_ms: As for ``error``.
            after_frames: As for ``error``.
            operation: See the class.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        fault = SessionFault(SendRaw(malformed_frame(kind)), after_audio_ms, after_frames)
        return self._add(fault, operation, times, probability, seed)

    def terminate(
        self,
        *,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        operation: str = TTS,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Streams of text-to-speech end too early: with ``terminated``, but neither ``audio_end`` nor an error.

        Args:
            after_audio_ms: As for ``error``.
            after_frames: As for ``error``.
            operation: ``tts``.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        return self._add(SessionFault(EndStream(), after_audio_ms, after_frames), operation, times, probability, seed)

    def delay_audio(
        self,
        seconds: float,
        *,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        operation: str = TTS,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Streams of text-to-speech pause. A first audio that is too late ends its stream, see ``SpeechRules``.

        Args:
            seconds: How long, on the fake's clock.
            after_audio_ms: As for ``error``; without it, the first audio is late.
            after_frames: As for ``error``.
            operation: ``tts``.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        if not seconds >= 0:
            raise ValueError(f"audio cannot be {seconds} s late")
        fault = SessionFault(DelayAudio(seconds), after_audio_ms, after_frames)
        return self._add(fault, operation, times, probability, seed)

    def spoil_audio(
        self,
        kind: AudioSpoil = "unpadded",
        *,
        after_audio_ms: int | None = None,
        after_frames: int | None = None,
        operation: str = TTS,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Streams of text-to-speech send a message whose audio cannot be decoded, and go on.

        Args:
            kind: ``unpadded``: base64 whose end is missing. ``alphabet``: text that is no base64. ``number``, ``null``:
                no text at all.
            after_audio_ms: As for ``error``; without it, it is the first audio.
            after_frames: As for ``error``.
            operation: ``tts``.
            times: See the class.
            probability: See the class.
            seed: See the class.
        """
        fault = SessionFault(SpoilAudio(checked_spoil(kind)), after_audio_ms, after_frames)
        return self._add(fault, operation, times, probability, seed)

    def offline(self, seconds: float | None = None) -> Fault:
        """All connections break now, and every request and WebSocket from now on is met with a reset.

        The port still accepts connections: it may belong to other fakes as well.

        Args:
            seconds: How long, on the fake's clock; None: until the fault is removed, or its ``with`` statement ends.
        """
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"a server cannot be offline for {seconds} s")
        until_sec = None if seconds is None else self._clock.now_sec() + seconds
        fault = Fault(Break("before", "reset"), None, None, 1.0, self, random.Random(0), until_sec)  # noqa: S311
        with self._lock:
            # In front: nothing else can happen to a server that cannot be reached.
            self._faults.insert(0, fault)
            self._offline.append(fault)
            wakes = tuple(self._wakes)
        for wake in wakes:
            wake()
        return fault

    def clear(self) -> None:
        """Removes all faults, and what ``fail_next_voice`` has added."""
        with self._lock:
            self._faults.clear()
            self._offline.clear()
            self._clear_others()

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that are not used up, in their order."""
        with self._lock:
            return tuple(fault for fault in self._faults if fault.times is None or fault.hits < fault.times)

    def remove(self, fault: Fault) -> None:
        """Lets a fault happen no more, as its own ``remove`` does."""
        with self._lock:
            for faults in (self._faults, self._offline):
                if fault in faults:
                    faults.remove(fault)

    def take_for_request(self, operation: str | None) -> RequestEffect | None:
        """What goes wrong with a REST request now; None: nothing.

        Args:
            operation: The name of what is asked for; None: something that has no name.
        """
        effect = self._take(operation, lambda effect: not isinstance(effect, SessionFault))
        return None if isinstance(effect, SessionFault) else effect

    def take_for_upgrade(self, operation: str) -> Answer | Break | None:
        """What goes wrong with a request for a WebSocket now; None: nothing."""
        effect = self._take(operation, _can_refuse)
        return effect if isinstance(effect, (Answer, Break)) else None

    def take_for_session(self, operation: str) -> SessionFault | None:
        """What goes wrong with a session that starts now; None: nothing."""
        effect = self._take(operation, lambda effect: isinstance(effect, SessionFault))
        return effect if isinstance(effect, SessionFault) else None

    def _take(self, operation: str | None, fits: Callable[[Effect], bool]) -> Effect | None:
        with self._lock:
            now_sec = self._clock.now_sec()
            for fault in self._faults:
                if fits(fault.effect) and fault.strikes(operation, now_sec):
                    return fault.effect
        return None

    def is_offline(self) -> bool:
        """Whether the server cannot be reached."""
        with self._lock:
            now_sec = self._clock.now_sec()
            return any(fault.is_due(now_sec) for fault in self._offline)

    def watch(self, wake: Callable[[], None]) -> None:
        """Has a connection told when the server goes offline, until ``unwatch``."""
        with self._lock:
            self._wakes.append(wake)

    def unwatch(self, wake: Callable[[], None]) -> None:
        """Ends what ``watch`` began."""
        with self._lock:
            self._wakes.remove(wake)

    def _add(self, effect: Effect, operation: str | None, times: int | None, probability: float, seed: int) -> Fault:
        can: set[str] = set() if isinstance(effect, SessionFault) else {*self._operations}
        if isinstance(effect, SessionFault) or _can_refuse(effect):
            of_speech = isinstance(effect, SessionFault) and isinstance(effect.effect, OF_SPEECH)
            can |= {TTS} if of_speech else {STT, TTS}
        if operation is not None and operation not in can:
            raise ValueError(f"operation must be one of {', '.join(sorted(can))}, not {operation!r}")
        if times is not None and times < 1:
            raise ValueError(f"a fault cannot happen {times} times")
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, not {probability}")
        fault = Fault(effect, operation, times, probability, self, random.Random(seed))  # noqa: S311 - repeatable
        with self._lock:
            self._faults.append(fault)
        return fault


def _can_refuse(effect: Effect) -> bool:
    """Whether it can happen to a request for a WebSocket, which has no body and asks for nothing else."""
    return isinstance(effect, Answer) or (isinstance(effect, Break) and effect.moment == "before")


def _answer(
    status_code: int,
    error_type: str | None,
    message: str | None,
    retry_after_sec: float | None,
    headers: Mapping[str, str] | None,
) -> Answer:
    _checked_status(status_code, 300)
    if retry_after_sec is not None and not retry_after_sec >= 0:
        raise ValueError(f"retry_after_sec cannot be {retry_after_sec}")
    listed = [] if retry_after_sec is None else [("Retry-After", f"{retry_after_sec:g}")]
    return Answer(
        status_code,
        error_type or _ERROR_TYPES.get(status_code) or _phrase(status_code).lower().replace(" ", "_"),
        message or f"This request was told to fail with {status_code}.",
        (*listed, *(_checked_header(name, value) for name, value in (headers or {}).items())),
        html=False,
    )


def _checked_header(name: str, value: str) -> tuple[str, str]:
    """A header that can be sent: without line breaks, which would begin another one."""
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"there cannot be a header {name!r} with the value {value!r}")
    return name, value


def _phrase(status_code: int) -> str:
    return HTTPStatus(status_code).phrase if status_code in set(HTTPStatus) else "Error"


def _checked_status(status_code: int, least: int) -> int:
    if not least <= status_code <= 599:
        raise ValueError(f"status_code must be from {least} to 599, not {status_code}")
    return status_code


def _checked_moment(when: Moment) -> Moment:
    if when not in _MOMENTS:
        raise ValueError(f"when must be one of {', '.join(_MOMENTS)}, not {when!r}")
    return when
