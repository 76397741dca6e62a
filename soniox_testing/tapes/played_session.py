"""A WebSocket that is answered from a tape. No I/O; calls bring the time.

What the server said on the tape is said again once the client has sent all that it had sent before. Audio is compared
by its number of bytes between two texts, since its pieces depend on time. So do keepalives, which are not compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..script.actions import Close, HangUp, Send
from ..wire.json_text import json_text
from .content import KEY_PROTOCOL, bytes_of
from .tape import Closed, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..script.actions import Action, Disconnected
    from .content import Cleaner
    from .tape import Exchange

_KEEPALIVES = ({"type": "keepalive"}, {"type": "keep_alive"}, {"keep_alive": True})
_MAX_SHOWN = 300


class PlayedSession:
    """One WebSocket; see ``actions.Session``.

    Args:
        tape: Its name, for messages.
        exchange: What the tape has; None: nothing, for the reason in ``mismatch``.
        subprotocols: That the client offers.
        cleaner: As for the tape.
        compared: What of a content is compared.
        begin: Called with this session and its first message, to set ``exchange`` to one that it fits: sessions that
            were opened at the same time may be opened in any order.
        on_failure: Called with a mismatch, and with what was being done.
        pauses: Whether messages come as late as they did.
        mismatch: Why the session fails at once; None: it does not.
    """

    def __init__(
        self,
        tape: str,
        exchange: Exchange | None,
        subprotocols: Sequence[str],
        *,
        cleaner: Cleaner,
        compared: Callable[[dict[str, Any]], Any],
        begin: Callable[[PlayedSession, dict[str, Any]], None],
        on_failure: Callable[[BaseException, str], None],
        pauses: bool,
        mismatch: Exception | None,
    ) -> None:
        self.subprotocol: str | None = KEY_PROTOCOL if KEY_PROTOCOL in subprotocols else None
        self.wants_turn: bool = True
        """True at first: the first message on the tape may be the server's."""
        self.deadline_sec: float | None = None
        self._tape = tape
        self._cleaner = cleaner
        self._compared = compared
        self._begin = begin
        self._on_failure = on_failure
        self._pauses = pauses
        self._mismatch = mismatch
        self.has_begun: bool = False
        """Whether the client has sent something."""
        self._exchange: Exchange | None = None
        self._expected: list[tuple[int, Message]] = []
        """The messages of the client, each with its number."""
        self._answers: list[tuple[Message | Closed, int, int]] = []
        """Those of the server and its end, each with how many of the client come before it, and how many milliseconds
        after the message before it."""
        self.exchange = exchange
        self._audio_bytes = 0
        """Of the audio that came and belongs to no message yet."""
        self._heard_sec: list[float] = []
        """When each message of the client came."""
        self._said = 0
        """How many of the answers were said."""
        self._said_sec = 0.0
        self._stream_ids: dict[str, str] = {}
        """Names of streams on the tape, and those of this client, which may make new ones each time."""
        self._is_over = False

    @property
    def exchange(self) -> Exchange | None:
        """What is played."""
        return self._exchange

    @exchange.setter
    def exchange(self, exchange: Exchange | None) -> None:
        self._exchange = exchange
        self._expected, self._answers = [], []
        if exchange is None:
            return
        last_ms = exchange.response_at_ms
        end = [exchange.closed] if exchange.closed is not None and exchange.closed.by == "server" else []
        line: list[Message | Closed] = [*exchange.messages, *end]
        for number, entry in enumerate(line, 1):
            if entry.by == "server":
                self._answers.append((entry, len(self._expected), max(0, entry.at_ms - last_ms)))
            elif isinstance(entry, Message) and entry.content.get("json") not in _KEEPALIVES:
                self._expected.append((number, entry))
            last_ms = entry.at_ms

    def opened(self, wake: Callable[[], None]) -> None:
        """The WebSocket is open."""

    def time_passed(self, now_sec: float) -> Sequence[Action]:
        """The messages of the tape that are due."""
        self.wants_turn = False
        if self._mismatch is not None and not self._is_over:
            return self._refuse(str(self._mismatch))
        return self._say(now_sec)

    def text_received(self, text: str, now_sec: float) -> Sequence[Action]:
        """Compares a text message."""
        return self._received(self._cleaner.text(text), now_sec)

    def bytes_received(self, data: bytes, now_sec: float) -> Sequence[Action]:
        """Compares a binary message."""
        content = self._cleaner.binary(data)
        if "json" in content or not data:
            return self._received(content, now_sec)
        self.has_begun = True
        self._audio_bytes += len(data)
        while self._audio_bytes and not self._is_over:
            expected = self._next()
            count = 0 if expected is None else expected.content.get("bytes", 0)
            if not count:
                return self._wrong(f"{self._audio_bytes} bytes of audio")
            if self._audio_bytes < count:
                break
            self._audio_bytes -= count
            self._heard_sec.append(now_sec)
        return self._say(now_sec)

    def poll_output(self, now_sec: float) -> Sequence[Action]:  # noqa: ARG002
        """Nothing: all is due at a time, or when something came."""
        return ()

    def performed(self, action: Action) -> None:
        """Nothing: the tape has the messages."""

    def disconnected(self, how: Disconnected, close_code: int | None) -> None:
        """The client has left; on the tape, it may have gone on."""
        if not self._is_over and how != "stopped":
            self._is_over = True
            if self._next() is not None or self._said < len(self._answers):
                self._fail("the end of the connection" if close_code is None else f"a close frame with {close_code}")

    def unplayed(self) -> str | None:
        """What the client did not send, although it stayed; None: nothing."""
        return None if self._is_over or self._next() is None else f"{self._place()}: {self._wanted()}"

    def _next(self) -> Message | None:
        """What the client has to send next; None: nothing."""
        heard = len(self._heard_sec)
        return self._expected[heard][1] if heard < len(self._expected) else None

    def _received(self, content: dict[str, Any], now_sec: float) -> Sequence[Action]:
        if self._is_over or content.get("json") in _KEEPALIVES:
            return []
        if not self.has_begun:
            self._begin(self, content)
        expected = self._next()
        if self._audio_bytes or expected is None or not self._matches(expected.content, content):
            return self._wrong(_shown(self._compared(content)))
        self._heard_sec.append(now_sec)
        return self._say(now_sec)

    def _matches(self, taped: dict[str, Any], sent: dict[str, Any]) -> bool:
        expected, heard = self._compared(taped), self._compared(sent)
        old, new = _stream_of(expected), _stream_of(heard)
        if old is not None and new is not None and self._stream_ids.setdefault(old, new) == new:
            expected["stream_id"] = new
        return bool(expected == heard)

    def _say(self, now_sec: float) -> Sequence[Action]:
        """The answers that are due."""
        actions: list[Action] = []
        self.deadline_sec = None
        while self._said < len(self._answers) and not self._is_over:
            answer, after, later_ms = self._answers[self._said]
            if after > len(self._heard_sec):
                break
            if self._pauses:
                cause_sec = self._heard_sec[after - 1] if after else now_sec
                due_sec = max(cause_sec, self._said_sec) + later_ms / 1000
                if due_sec > now_sec:
                    self.deadline_sec = due_sec
                    break
                self._said_sec = due_sec
            self._said += 1
            actions.append(self._action_of(answer))
        return actions

    def _action_of(self, answer: Message | Closed) -> Action:
        if isinstance(answer, Closed):
            self._is_over = True
            return HangUp() if answer.code is None else Close(answer.code, answer.reason)
        content = answer.content
        stream = self._stream_ids.get(_stream_of(content.get("json")) or "")
        if stream is not None:
            content = {"json": {**content["json"], "stream_id": stream}}
        return Send(bytes_of(content).decode())

    def _wrong(self, got: str) -> Sequence[Action]:
        return self._refuse(self._fail(got))

    def _fail(self, got: str) -> str:
        what = f"{self._place()}: expected {self._wanted()}, got {got}"
        self._on_failure(AssertionError(what), f"playing {self._tape}")
        return what

    def _refuse(self, message: str) -> Sequence[Action]:
        self._is_over = True
        error: dict[str, object] = {
            "tokens": [],
            "error_code": 500,
            "error_type": "internal_error",
            "error_message": message,
        }
        return [Send(json_text(error)), Close(1000)]

    def _place(self) -> str:
        heard, line = len(self._heard_sec), 0 if self._exchange is None else self._exchange.line
        if heard == len(self._expected):
            return f"{self._tape}, the end of the WebSocket of line {line}"
        number, message = self._expected[heard]
        return f"{self._tape}, message {number} of the WebSocket of line {line} (line {message.line})"

    def _wanted(self) -> str:
        expected = self._next()
        if expected is None:
            return "that the client receives all" if self._said < len(self._answers) else "nothing more"
        count = expected.content.get("bytes", 0)
        return f"{count - self._audio_bytes} bytes of audio" if count else _shown(self._compared(expected.content))


def _stream_of(value: object) -> str | None:
    found = cast("dict[str, object]", value).get("stream_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _shown(value: object) -> str:
    text = json_text(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
