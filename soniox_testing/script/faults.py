"""The verbs of ``fake.faults``. Each makes an effect and adds it to the list of faults."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from ..wire.operations import STT, TTS
from .actions import SendRaw
from .effects import Answer, Break, Breakage, ContentType, CorruptBody, Drip, HtmlPage, Moment, phrase
from .fault_list import Fault, FaultList
from .names import check_names
from .session_faults import (
    DelayAudio,
    EndStream,
    SessionFault,
    SpoilAudio,
    checked_kind,
    ends_by_drop,
    ends_with_error,
    malformed_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Unpack

    from .fault_list import Effect
    from .session_faults import AudioSpoil, MalformedKind, SessionEffect

__all__ = ["Breakage", "Fault", "Faults", "InSession", "Moment", "When", "settings_of"]

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


class When(TypedDict, total=False):
    """Where and how often a fault happens: arguments of every verb but ``offline``."""

    operation: str | None
    """An ``operationId`` of the API's document, such as ``create_transcription``, or ``stt`` or ``tts`` for the
    WebSockets; None: everything that the verb can be used on."""
    times: int | None
    """How often it happens; None, the default: until it is removed."""
    probability: float
    """Of happening, 0 to 1, each time it could; 1 by default."""
    seed: int
    """Of the random numbers for ``probability``; the same seed decides the same. 0 by default."""


class InSession(When, total=False):
    """When it happens in a session or stream: arguments of the verbs for these. Give one of the two, or neither."""

    after_audio_ms: int | None
    """Once this many milliseconds of audio have been answered, or sent by a stream; None: not counted."""
    after_frames: int | None
    """Once this many messages were sent to the client, or this many with audio by a stream; None: not counted."""


class Faults(FaultList):
    """What goes wrong in one fake: ``fake.faults``. May be used from any thread.

    Each verb adds a fault and returns it. Beside its own settings it takes those of ``When``: ``operation``, ``times``,
    ``probability`` and ``seed``. Verbs for sessions and streams also take those of ``InSession``: ``after_audio_ms``
    and ``after_frames``; without them, the fault is the answer to the start message. Where several fit, the one that
    was added first happens. Each raises ``ValueError`` for impossible settings, and ``TypeError`` for unknown ones.
    """

    def answer(
        self,
        status_code: int,
        *,
        error_type: str | None = None,
        message: str | None = None,
        retry_after_sec: float | None = None,
        headers: Mapping[str, str] | None = None,
        **when: Unpack[When],
    ) -> Fault:
        """Requests are answered with this status and an error of the API's shape, and not carried out.

        Requests for a WebSocket are among them.

        Args:
            status_code: HTTP status, 300 to 599.
            error_type: Of the error; None: the one that belongs to the status.
            message: Of the error; None: a text that says that this was scripted.
            retry_after_sec: Value of ``Retry-After`` in seconds; None: there is none.
            headers: More headers, such as another form of ``Retry-After``.
            **when: See ``When``.
        """
        return self._add(self.answer, _answer(status_code, error_type, message, retry_after_sec, headers), when)

    def refuse(
        self,
        status_code: int = 503,
        *,
        error_type: str | None = None,
        message: str | None = None,
        retry_after_sec: float | None = None,
        **when: Unpack[When],
    ) -> Fault:
        """WebSockets are not opened: the handshake is answered with this HTTP status.

        Arguments as for ``answer``, but ``operation`` is ``stt`` by default.
        """
        effect = _answer(status_code, error_type, message, retry_after_sec, None)
        return self._add(self.refuse, effect, {"operation": STT, **when})

    def html(self, status_code: int = 502, **when: Unpack[When]) -> Fault:
        """Requests are answered with an HTML page, as by a proxy, and not carried out.

        Args:
            status_code: HTTP status, 200 to 599.
            **when: See ``When``.
        """
        return self._add(self.html, HtmlPage(_checked_status(status_code, 200)), when)

    def reset(self, when: Moment = "before", *, how: Literal["reset", "eof"] = "reset", **where: Unpack[When]) -> Fault:
        """The connection of a request is lost.

        Args:
            when: ``before`` the body of the request is read, ``during`` that, or ``after`` it: then the request was
                carried out, and its response is lost. ``answer``: half of the response was sent. For requests for a
                WebSocket there is ``before`` only.
            how: ``reset``: by a TCP reset. ``eof``: it is closed in order, as by a server that is restarted.
            **where: See ``When``.
        """
        if how not in {"reset", "eof"}:
            raise ValueError(f"how must be 'reset' or 'eof', not {how!r}")
        return self._add(self.reset, Break(_checked_moment(when), how), where)

    def stall(self, when: Moment = "before", **where: Unpack[When]) -> Fault:
        """The connection of a request stays open until the fake stops, but nothing is sent. Arguments as for ``reset``.

        For a session that is open already, see ``drop`` and ``half_open``.
        """
        return self._add(self.stall, Break(_checked_moment(when), "stall"), where)

    def drip(self, *, block_bytes: int = 1, every_sec: float = 0.01, **when: Unpack[When]) -> Fault:
        """The response to a REST request is sent slowly.

        Args:
            block_bytes: Bytes that are sent at once, at least 1.
            every_sec: Seconds of the fake's clock between them.
            **when: See ``When``.
        """
        if block_bytes < 1 or not every_sec >= 0:
            raise ValueError(f"a response cannot be sent with {block_bytes} bytes every {every_sec} s")
        return self._add(self.drip, Drip(block_bytes, every_sec), when)

    def truncate(self, **when: Unpack[When]) -> Fault:
        """The body of the response to a REST request is cut to half; its headers say so, so that HTTP finds it whole.

        For a body that is shorter than the headers say, use ``reset("answer", how="eof")``.
        """
        return self._add(self.truncate, CorruptBody("truncate"), when)

    def garble(self, **when: Unpack[When]) -> Fault:
        """The body of the response to a REST request has the right length, but is neither JSON nor UTF-8."""
        return self._add(self.garble, CorruptBody("garble"), when)

    def content_type(self, value: str = "text/plain", **when: Unpack[When]) -> Fault:
        """The response to a REST request is right, but has another ``Content-Type``."""
        return self._add(self.content_type, ContentType(_checked_header("Content-Type", value)[1]), when)

    def error(
        self,
        error_type: str,
        message: str | None = None,
        *,
        status_code: int | None = None,
        whole_connection: bool = False,
        **when: Unpack[InSession],
    ) -> Fault:
        """Realtime sessions end with an error message, and so do streams of text-to-speech.

        Only a valid start message meets this and the faults below. A session that fails at its start takes no
        transcript.

        Args:
            error_type: The message's ``error_type``, such as ``service_unavailable``.
            message: The message's ``error_message``; None: a text that says that this was scripted.
            status_code: The message's ``error_code``; None: the one that belongs to the type.
            whole_connection: Whether it ends the connection of a text-to-speech stream, and all its streams.
            **when: See ``InSession``.
        """
        ending = ends_with_error(error_type, message, status_code)
        return self._add_to_session(self.error, ending, when, whole_connection=whole_connection)

    def drop(self, *, how: str = "reset", **when: Unpack[InSession]) -> Fault:
        """The connections of realtime sessions and of text-to-speech streams break.

        Args:
            how: ``reset``: by a TCP reset. ``eof``: the connection ends without a close frame. ``stall``: it stays open
                until the fake stops, but nothing is read or answered any more, pings included. ``half_open``: the
                same, but what the client sends is read and discarded, as on a line that is dead. ``close:1011``: a
                close frame with this code.
            **when: See ``InSession``.
        """
        return self._add_to_session(self.drop, ends_by_drop(how), when)

    def half_open(self, **when: Unpack[InSession]) -> Fault:
        """Realtime sessions fall silent: ``drop`` with ``how="half_open"``."""
        return self._add_to_session(self.half_open, ends_by_drop("half_open"), when)

    def malformed_frame(self, kind: MalformedKind = "reserved_bits", **when: Unpack[InSession]) -> Fault:
        """Realtime sessions send a frame that no client can make sense of, and go on.

        Args:
            kind: Violations of the WebSocket protocol are ``reserved_bits``, ``opcode`` (an undefined one),
                ``masked``, ``continuation`` (of nothing), ``utf8`` (a text message that is not UTF-8). Well-formed but
                not of this API are ``json`` (a text that is not JSON), ``array`` (JSON, but not an object) and
                ``binary``.
            **when: See ``InSession``.
        """
        return self._add_to_session(self.malformed_frame, SendRaw(malformed_frame(kind)), when)

    def terminate(self, **when: Unpack[InSession]) -> Fault:
        """Streams of text-to-speech end too early: with ``terminated``, but neither ``audio_end`` nor an error."""
        return self._add_to_session(self.terminate, EndStream(), _for_tts(when))

    def delay_audio(self, seconds: float, **when: Unpack[InSession]) -> Fault:
        """Streams of text-to-speech pause. A first audio that is too late ends its stream, see ``SpeechRules``.

        Args:
            seconds: How long, on the fake's clock.
            **when: See ``InSession``; without ``after_audio_ms`` and ``after_frames``, the first audio is late.
        """
        if not seconds >= 0:
            raise ValueError(f"audio cannot be {seconds} s late")
        return self._add_to_session(self.delay_audio, DelayAudio(seconds), _for_tts(when))

    def spoil_audio(self, kind: AudioSpoil = "unpadded", **when: Unpack[InSession]) -> Fault:
        """Streams of text-to-speech send a message whose audio cannot be decoded, and go on.

        Args:
            kind: ``unpadded``: base64 whose end is missing. ``alphabet``: text that is not base64. ``number``,
                ``null``: not a text at all.
            **when: See ``InSession``; without ``after_audio_ms`` and ``after_frames``, it is the first audio.
        """
        return self._add_to_session(self.spoil_audio, SpoilAudio(checked_kind(kind)), _for_tts(when))

    def offline(self, seconds: float | None = None) -> Fault:
        """All connections break now, and every request and WebSocket from now on meets a reset.

        The port still accepts connections: it may belong to other fakes as well.

        Args:
            seconds: How long, on the fake's clock; None: until the fault is removed, or its ``with`` statement ends.
        """
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"a server cannot be offline for {seconds} s")
        until_sec = None if seconds is None else self._clock.now_sec() + seconds
        return self.add_offline(Break("before", "reset"), until_sec)

    def _add(self, verb: Callable[..., Fault], effect: Effect, when: When) -> Fault:
        # Unknown keywords of a verb arrive here, too.
        check_names(f"{verb.__name__}()", when, settings_of(verb))
        return self.add(effect, **when)

    def _add_to_session(
        self, verb: Callable[..., Fault], effect: SessionEffect, when: InSession, *, whole_connection: bool = False
    ) -> Fault:
        check_names(f"{verb.__name__}()", when, settings_of(verb))
        after_audio_ms, after_frames = when.pop("after_audio_ms", None), when.pop("after_frames", None)
        return self.add(SessionFault(effect, after_audio_ms, after_frames, whole_connection), **cast("When", when))


def settings_of(verb: Callable[..., object]) -> dict[str, str]:
    """The names of all arguments of a verb, and their annotations as text."""
    settings: dict[str, str] = {}
    for parameter in inspect.signature(verb).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            common = InSession if "InSession" in str(parameter.annotation) else When
            settings |= {
                name: str(getattr(kind, "__forward_arg__", kind)) for name, kind in common.__annotations__.items()
            }
        else:
            settings[parameter.name] = str(parameter.annotation)
    return settings


def _for_tts(when: InSession) -> InSession:
    """The same, for text-to-speech where no operation is given."""
    return {**when, "operation": when.get("operation") or TTS}


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
        error_type or _ERROR_TYPES.get(status_code) or phrase(status_code).lower().replace(" ", "_"),
        message or f"A fault of the fake answers this request with {status_code}.",
        (*listed, *(_checked_header(name, value) for name, value in (headers or {}).items())),
    )


def _checked_header(name: str, value: str) -> tuple[str, str]:
    """A header that can be sent: without line breaks, which would begin another one."""
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"there cannot be a header {name!r} with the value {value!r}")
    return name, value


def _checked_status(status_code: int, least: int) -> int:
    if not least <= status_code <= 599:
        raise ValueError(f"status_code must be from {least} to 599, not {status_code}")
    return status_code


def _checked_moment(when: Moment) -> Moment:
    if when not in _MOMENTS:
        raise ValueError(f"when must be one of {', '.join(_MOMENTS)}, not {when!r}")
    return when
