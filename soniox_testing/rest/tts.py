"""Text-to-speech over REST: the audio is streamed while it is synthesized."""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..speaking.request import MAX_TEXT_BYTES, invalid, speech_request_of
from ..speaking.synthesis import AUDIO_FORMATS, CHARACTERS_PER_SEC, Synthesizer
from ..store.authentication import check_unused
from ..wire.fields import Fields
from ..wire.realtime_errors import RealtimeError
from ..wire.rest_errors import ApiError
from .router import ANY_ORIGIN, Route

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ..store.keys import TemporaryKey
    from ..store.speeches import SpeechLog
    from ..store.state import State
    from .router import Call

_PIECE_CHARACTERS = CHARACTERS_PER_SEC


def _generate(call: Call) -> Response:
    try:
        return _answer(call)
    except RealtimeError as error:
        raise ApiError(error.status_code, error.error_type, error.message, request_id=error.request_id) from error


def _answer(call: Call) -> Response:
    fields = Fields.of_body(call.request)
    text = fields.string("text", required=True)
    if text == "":
        fields.note("value_error", "text", "must not be empty")
    size = len((text or "").encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        fields.note("value_error", "text", f"at most {MAX_TEXT_BYTES} bytes of UTF-8, not {size}")
    if fields.problems:
        raise invalid(fields)
    state = call.state
    with state.lock:
        request = speech_request_of(fields.values, fields.location, state, call.api_key)
        temporary = state.keys.temporary.get(call.api_key)
        check_unused(temporary)
        log = state.speeches.open(
            request,
            api_key=call.api_key,
            request_id=call.request.headers.get("X-Request-Id"),
            client_reference_id=request.client_reference_id if temporary is None else temporary.client_reference_id,
            text=text,
        )
        if temporary is not None:
            temporary.used = True
    audio = _Audio(state, log, text or "", temporary)
    content_type = AUDIO_FORMATS[request.sound.audio_format].content_type
    response = Response(audio, 200, ANY_ORIGIN, content_type=content_type)
    response.call_on_close(audio.close)
    return response


def _preflight(call: Call) -> Response:  # noqa: ARG001 - an answer takes a call
    """The CORS preflight request of a browser. Web pages may send these two headers only."""
    headers = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type, Authorization"}
    return Response(status=204, headers={**ANY_ORIGIN, **headers})


class _Audio:
    """The audio of one request, synthesized while it is read."""

    def __init__(self, state: State, log: SpeechLog, text: str, temporary: TemporaryKey | None) -> None:
        self._state = state
        self._log = log
        self._text = text
        self._begun_sec = state.clock.now_sec()
        longest_sec = None if temporary is None else temporary.max_session_duration_sec
        self._ends_sec = math.inf if longest_sec is None else self._begun_sec + longest_sec
        self._pieces = self._synthesized()
        # Before the head of the response is sent: a test may move the clock once it has read the head.
        self._first = tuple(itertools.islice(self._pieces, 1))

    def __iter__(self) -> Iterator[bytes]:
        return itertools.chain(self._first, self._pieces)

    def close(self) -> None:
        """The request has ended, or the client has disconnected."""
        self._pieces.close()
        self._log.end("stopped" if self._state.stopping.is_set() else "abandoned")

    def _check_connection(self) -> None:
        """Aborts the response, whose status was sent, when offline or at the limit of the key."""
        if self._state.faults.is_offline():
            self._log.end("dropped")
            raise ConnectionAbortedError
        if self._state.clock.now_sec() >= self._ends_sec:
            self._log.end("error", "temp_api_key_session_expired")
            raise ConnectionAbortedError

    def _synthesized(self) -> Generator[bytes, None, None]:
        rules = self._state.speeches.rules
        synthesizer = Synthesizer(self._log.request.sound, rules.longest_audio_sec)
        paced = rules.realtime_factor is not None
        with self._state.clock.alarm(self._state.stopping) if paced else contextlib.nullcontext() as alarm:
            for start in range(0, len(self._text), _PIECE_CHARACTERS):
                if synthesizer.is_full:
                    break
                if alarm is not None and rules.realtime_factor is not None:
                    due_sec = self._begun_sec + synthesizer.duration_ms / 1000 / rules.realtime_factor
                    alarm.wait_until(min(due_sec, self._ends_sec), unless=self._state.faults.is_offline)
                if start:
                    self._check_connection()
                piece = synthesizer.say(self._text[start : start + _PIECE_CHARACTERS]).audio
                self._log.add_audio(len(piece), synthesizer.duration_ms)
                if piece:
                    yield piece
        tail = synthesizer.end()
        self._log.add_audio(len(tail), synthesizer.duration_ms)
        self._log.end("finished")
        if tail:
            yield tail


ROUTES = (
    Route("generate_tts", "POST", "/tts", _generate, "tts_realtime", counted_as="text-to-speech", opened_by="tts_rt"),
    Route(None, "OPTIONS", "/tts", _preflight, needs_key=False),
)
