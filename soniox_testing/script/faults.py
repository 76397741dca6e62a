"""The verbs of ``fake.faults``. Each makes an effect and adds it to the list of faults."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal, cast

from ..wire.operations import STT, TTS
from .actions import SendRaw
from .effects import Answer, Break, Breakage, ContentType, CorruptBody, Drip, HtmlPage, Moment, phrase
from .fault_list import Fault, FaultList
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
from .verbs import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from .session_faults import AudioSpoil, MalformedKind, SessionEffect
    from .verbs import InSession, When

__all__ = ["Breakage", "Fault", "Faults", "Moment"]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING = ("connection", "content-length", "transfer-encoding")
"""Headers that say where a response ends, which the fake does by itself."""
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


class Faults(FaultList):
    """What goes wrong in one fake: ``fake.faults``. May be used from any thread.

    Each verb adds a fault and returns it. Beside its own settings it takes those of ``When``: ``operation``, ``times``,
    ``probability`` and ``seed``. Verbs for sessions and streams also take those of ``InSession``: ``after_audio_ms``,
    ``after_frames`` and ``after_texts``; without them, the fault is the answer to the start message. Where several fit,
    the one that was added first happens. Each raises ``ValueError`` for impossible settings, and ``TypeError`` for
    missing or unknown ones and for values of another type.
    """

    @checked
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
            headers: More headers, such as another form of ``Retry-After``; not those that say where the response ends.
            **when: See ``When``.
        """
        return self.add(_answer(status_code, error_type, message, retry_after_sec, headers), **when)

    @checked
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

        Args:
            status_code: HTTP status, 300 to 599.
            error_type: The error's ``error_type``; None: the one that belongs to the status.
            message: The error's ``message``; None: a text that says that this was scripted.
            retry_after_sec: Value of ``Retry-After``, in seconds; None: no such header.
            **when: See ``When``; ``operation`` is ``stt`` by default.
        """
        effect = _answer(status_code, error_type, message, retry_after_sec, None)
        when.setdefault("operation", STT)
        return self.add(effect, **when)

    @checked
    def html(self, status_code: int = 502, **when: Unpack[When]) -> Fault:
        """Requests are answered with an HTML page, as by a proxy, and not carried out.

        Args:
            status_code: HTTP status, 200 to 599.
            **when: See ``When``.
        """
        return self.add(HtmlPage(_checked_status(status_code, 200)), **when)

    @checked
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
        return self.add(Break(_checked_moment(when), how), **where)

    @checked
    def stall(self, when: Moment = "before", **where: Unpack[When]) -> Fault:
        """The connection of a request stays open until the fake stops, but nothing is sent.

        For a session that is open already, see ``drop`` and ``half_open``.

        Args:
            when: ``before`` the body of the request is read, ``during`` that, ``after`` it, when the request was
                carried out, or ``answer``: after half of the response. For requests for a WebSocket there is ``before``
                only.
            **where: See ``When``.
        """
        return self.add(Break(_checked_moment(when), "stall"), **where)

    @checked
    def drip(self, *, block_bytes: int = 1, every_sec: float = 0.01, **when: Unpack[When]) -> Fault:
        """The response to a REST request is sent slowly.

        Args:
            block_bytes: Bytes that are sent at once, at least 1.
            every_sec: Seconds of the fake's clock between them.
            **when: See ``When``.
        """
        if block_bytes < 1 or not every_sec >= 0:
            raise ValueError(f"a response cannot be sent with {block_bytes} bytes every {every_sec} s")
        return self.add(Drip(block_bytes, every_sec), **when)

    @checked
    def truncate(self, **when: Unpack[When]) -> Fault:
        """The body of the response to a REST request is cut to half; its headers say so, so that HTTP finds it whole.

        For a body that is shorter than the headers say, use ``reset("answer", how="eof")``.
        """
        return self.add(CorruptBody("truncate"), **when)

    @checked
    def garble(self, **when: Unpack[When]) -> Fault:
        """The body of the response to a REST request has the right length, but is neither JSON nor UTF-8."""
        return self.add(CorruptBody("garble"), **when)

    @checked
    def content_type(self, value: str = "text/plain", **when: Unpack[When]) -> Fault:
        """The response to a REST request is right, but has another ``Content-Type``.

        Args:
            value: The whole value of the header.
            **when: See ``When``.
        """
        return self.add(ContentType(_checked_header("Content-Type", value)[1]), **when)

    @checked
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
        return self._add_to_session(ending, when, whole_connection=whole_connection)

    @checked
    def drop(self, *, how: str = "reset", **when: Unpack[InSession]) -> Fault:
        """The connections of realtime sessions and of text-to-speech streams break.

        Args:
            how: ``reset``: by a TCP reset. ``eof``: the connection ends without a close frame. ``stall``: it stays open
                until the fake stops, but nothing is read or answered any more, pings included. ``half_open``: the
                same, but what the client sends is read and discarded, as on a line that is dead. ``close:1011``: a
                close frame with this code.
            **when: See ``InSession``.
        """
        return self._add_to_session(ends_by_drop(how), when)

    @checked
    def half_open(self, **when: Unpack[InSession]) -> Fault:
        """Realtime sessions fall silent: ``drop`` with ``how="half_open"``."""
        return self._add_to_session(ends_by_drop("half_open"), when)

    @checked
    def malformed_frame(self, kind: MalformedKind = "reserved_bits", **when: Unpack[InSession]) -> Fault:
        """Realtime sessions send a frame that no client can make sense of, and go on.

        Args:
            kind: Violations of the WebSocket protocol are ``reserved_bits``, ``opcode`` (an undefined one),
                ``masked``, ``continuation`` (of nothing), ``utf8`` (a text message that is not UTF-8). Well-formed but
                not of this API are ``json`` (a text that is not JSON), ``array`` (JSON, but not an object) and
                ``binary``.
            **when: See ``InSession``.
        """
        return self._add_to_session(SendRaw(malformed_frame(kind)), when)

    @checked
    def terminate(self, **when: Unpack[InSession]) -> Fault:
        """Streams of text-to-speech end too early: with ``terminated``, but neither ``audio_end`` nor an error."""
        return self._add_to_session(EndStream(), _for_tts(when))

    @checked
    def delay_audio(self, seconds: float, **when: Unpack[InSession]) -> Fault:
        """Streams of text-to-speech pause. A first audio that is too late ends its stream, see ``SpeechRules``.

        Args:
            seconds: How long, on the fake's clock.
            **when: See ``InSession``; without a moment, the first audio is late.
        """
        if not seconds >= 0:
            raise ValueError(f"audio cannot be {seconds} s late")
        return self._add_to_session(DelayAudio(seconds), _for_tts(when))

    @checked
    def spoil_audio(self, kind: AudioSpoil = "unpadded", **when: Unpack[InSession]) -> Fault:
        """Streams of text-to-speech send a message whose audio cannot be decoded, and go on.

        Args:
            kind: ``unpadded``: base64 whose end is missing. ``alphabet``: text that is not base64. ``number``,
                ``null``: not a text at all.
            **when: See ``InSession``; without a moment, it is the first audio.
        """
        return self._add_to_session(SpoilAudio(checked_kind(kind)), _for_tts(when))

    @checked
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

    def _add_to_session(self, effect: SessionEffect, when: InSession, *, whole_connection: bool = False) -> Fault:
        after_audio_ms, after_frames = when.pop("after_audio_ms", None), when.pop("after_frames", None)
        after_texts = when.pop("after_texts", None)
        if after_texts is not None:
            when = _for_tts(when)
            if when.get("operation") != TTS:
                raise ValueError("after_texts is for text-to-speech streams only")
        fault = SessionFault(effect, after_audio_ms, after_frames, after_texts, whole_connection=whole_connection)
        return self.add(fault, **cast("When", when))


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
    if retry_after_sec is not None and not 0 <= retry_after_sec < math.inf:
        raise ValueError(f"retry_after_sec cannot be {retry_after_sec}")
    listed = [] if retry_after_sec is None else [("Retry-After", _decimal(retry_after_sec))]
    for name in headers or {}:
        if name.lower() in _FRAMING:
            raise ValueError(f"the fake sets {name} itself; reset and truncate break a response off")
    return Answer(
        status_code,
        error_type or _ERROR_TYPES.get(status_code) or phrase(status_code).lower().replace(" ", "_"),
        message or f"A fault of the fake answers this request with {status_code}.",
        (*listed, *(_checked_header(name, value) for name, value in (headers or {}).items())),
    )


def _decimal(seconds: float) -> str:
    """A number without an exponent, which no header has."""
    return f"{seconds:f}".rstrip("0").rstrip(".")


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
