"""Scripts one realtime session from a function: what the test expects of the client, and what it answers.

The function runs in its own thread. An inbox carries the client's messages to it, and an outbox carries its messages to
the thread of the connection; the function never uses the socket.
"""

from __future__ import annotations

import threading
from itertools import groupby
from typing import TYPE_CHECKING

from ..hearing.recognition import home_languages, marker
from ..hearing.words import target_language
from ..script.actions import Send
from ..script.callbacks import check_outcome
from ..script.session_faults import ends_by_drop, ends_with_error
from ..script.vocabulary import space_before
from ..unfrozen import time
from ..wire.json_text import json_text
from ..wire.realtime_errors import RealtimeError
from .conversation_queue import Finished, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..hearing.recognition import Message
    from ..store.state import State
    from .conversation_queue import ConversationQueue, Kind
    from .stt_config import SttConfig

_WITHIN_SEC = 5.0


class Conversation:
    """One realtime session that a function scripts, see ``FakeSoniox.on_session``.

    Calls take effect in their order. Each expectation waits for the client for at most ``within_sec`` real seconds,
    independent of the fake's clock. An expectation that is not met raises an ``AssertionError``, which ends the session
    with a 500 message and is raised again when the fake stops.

    When the function returns without having ended the session, ``finalize`` and the end of the audio are answered as
    usual. Use it only in the thread of the function.

    Args:
        config: From the start message.
        queue: To and from the session.
        wait: Waits for so many seconds of the fake's clock.
    """

    def __init__(self, config: SttConfig, queue: ConversationQueue, wait: Callable[[float], None]) -> None:
        self.config: Mapping[str, object] = config.message
        """The start message as sent, without its key."""
        self._config = config
        self._queue = queue
        self._wait = wait
        self._language = home_languages(config)[0]
        self._passed: list[Received] = []
        """All that was taken from the inbox."""
        self._audio = bytearray()
        self._audio_ms = 0
        """Milliseconds of the audio that was taken from the inbox."""
        self._asked_bytes = 0
        self._asked_ms = 0
        self._said_ms = 0
        self._said_anything = False
        self._final_ms = 0
        self._total_ms = 0
        self._drafts: list[Message] = []
        self._translated_drafts: list[Message] = []

    def expect_config(self, **fields: object) -> Mapping[str, object]:
        """Checks the start message, which has been accepted already.

        Args:
            fields: Its fields with their values; None: the field is not there, or null.

        Returns:
            The start message without its key.

        Raises:
            AssertionError: A field has another value.
        """
        wrong = [
            f"{name}={value!r}, but it is {self.config.get(name)!r}"
            for name, value in fields.items()
            if self.config.get(name) != value
        ]
        if wrong:
            raise AssertionError(f"expected a start message with {'; '.join(wrong)}. It reads: {dict(self.config)}")
        return self.config

    def expect_audio(
        self,
        *,
        ms: int | None = None,
        bytes: int | None = None,  # noqa: A002 - the unit, beside ms
        contains: bytes | None = None,
        within_sec: float = _WITHIN_SEC,
    ) -> bytes:
        """Waits for audio, in messages of any size. Surplus audio counts for the next call. Skips keepalives.

        Args:
            ms: Milliseconds since the last call.
            bytes: Bytes since the last call.
            contains: Bytes that occur in it.
            within_sec: Real seconds to wait at most.

        Returns:
            The audio from the end of the last call up to where this expectation is met.

        Raises:
            AssertionError: The audio did not come in time, or another message came.
        """
        wishes = [f"{ms} ms of audio"] if ms is not None else []
        wishes += [f"{bytes} bytes of audio"] if bytes is not None else []
        wishes += [f"audio with {contains!r} in it"] if contains is not None else []
        wanted = " and ".join(wishes) or "audio"
        deadline_sec = time.monotonic() + within_sec
        while True:
            end = self._audio_end(ms, bytes, contains)
            if end is not None:
                break
            received = self._next(wanted, deadline_sec, within_sec)
            if received.kind not in {"audio", "keepalive"}:
                raise self._unmet(wanted, f"the client sent {received}")
        begin, self._asked_bytes = self._asked_bytes, end
        self._asked_ms = self._audio_ms if ms is None else self._asked_ms + ms
        return _bytes(self._audio, begin, end)

    def expect_audio_until(self, ms: int, *, within_sec: float = _WITHIN_SEC) -> bytes:
        """Waits until the session has got so much audio. Skips keepalives.

        Args:
            ms: Milliseconds from the start of the audio.
            within_sec: Real seconds to wait at most.

        Returns:
            The audio since the end of the last call; empty if it had come before.

        Raises:
            AssertionError: As ``expect_audio``.
        """
        missing_ms = ms - self._asked_ms
        return self.expect_audio(ms=missing_ms, within_sec=within_sec) if missing_ms > 0 else b""

    def wait(self, seconds: float) -> None:
        """Waits on the fake's clock, or until the session has ended.

        Args:
            seconds: How long.

        Raises:
            ValueError: It is negative.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds must not be negative, as {seconds} is")
        self._wait(seconds)

    def expect_finalize(self, *, within_sec: float = _WITHIN_SEC) -> None:
        """Waits for ``finalize``. Skips audio and keepalives.

        Args:
            within_sec: Seconds to wait.

        Raises:
            AssertionError: It did not come in time, or the end of the audio came.
        """
        self._expect("finalize", {"audio", "keepalive"}, within_sec)

    def expect_keepalive(self, *, within_sec: float = _WITHIN_SEC) -> None:
        """Waits for ``keepalive``. Skips audio.

        Args:
            within_sec: Seconds to wait.

        Raises:
            AssertionError: It did not come in time, or something else came.
        """
        self._expect("keepalive", {"audio"}, within_sec)

    def expect_end(self, *, within_sec: float = _WITHIN_SEC) -> None:
        """Waits for the end of the audio. Skips audio and keepalives.

        Args:
            within_sec: Seconds to wait.

        Raises:
            AssertionError: It did not come in time, or ``finalize`` came.
        """
        self._expect("end", {"audio", "keepalive"}, within_sec)

    def says(
        self,
        text: str,
        *,
        final: bool = True,
        speaker: str | None = None,
        language: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        confidence: float = 0.98,
    ) -> None:
        """Sends a message with one token for each word of a text.

        Final words are sent once and replace the non-final ones; each non-final text replaces the last non-final text.
        Tokens have all fields that the client asked for.

        Args:
            text: Words. From the second call on the first word gets a leading space, unless the text begins with one.
            final: Whether the tokens are final.
            speaker: None: ``1`` if the client asked for speakers.
            language: None: the first language hint, else ``en``, if the client asked for languages.
            start_ms: Milliseconds from the start of the audio; None: where the last final words ended.
            end_ms: None: the end of the audio that was expected so far. The words share the time evenly.
            confidence: 0 to 1.
        """
        config = self._config
        if start_ms is None:
            start_ms = self._said_ms
        if end_ms is None:
            end_ms = max(start_ms, self._asked_ms)
        if end_ms < start_ms:
            raise ValueError(f"words cannot last from {start_ms} to {end_ms} ms")
        fields: Message = {"confidence": confidence}
        if speaker is not None or config.enable_speaker_diarization:
            fields["speaker"] = speaker or "1"
        if language is not None or config.enable_language_identification or config.translation:
            fields["language"] = language or self._language
        if config.translation:
            target = target_language(config.translation, language or self._language)
            fields["translation_status"] = "original" if target else "none"
        words = self._spaced(text)
        tokens: list[Message] = []
        for index, word in enumerate(words):
            begin_ms = start_ms + (end_ms - start_ms) * index // len(words)
            until_ms = start_ms + (end_ms - start_ms) * (index + 1) // len(words)
            times = {"start_ms": begin_ms, "end_ms": until_ms}
            tokens.append({"text": word, **times, **fields, "is_final": final})
        self._total_ms = max(self._total_ms, end_ms)
        if final:
            self._drafts = []
            self._said_ms = end_ms
            self._said_anything = self._said_anything or bool(words)
            self._send(tokens, final_ms=end_ms)
        else:
            self._drafts = tokens
            self._send([])

    def translates(
        self,
        text: str,
        *,
        to: str | None = None,
        source: str | None = None,
        final: bool = True,
        speaker: str | None = None,
    ) -> None:
        """Sends a message with one token for each word of a translation, without times and confidence.

        Args:
            text: Words; each gets a leading space.
            to: Language of the text; None: the one that the client asked for.
            source: Language it was translated from; None: as for ``says``.
            final: As for ``says``.
            speaker: As for ``says``.

        Raises:
            ValueError: No language was given, and the client asked for none.
        """
        source = source or self._language
        if to is None and self._config.translation:
            to = target_language(self._config.translation, source)
        if to is None:
            raise ValueError(f"say into which language: the client asked for no translation from {source!r}")
        fields: Message = {}
        if speaker is not None or self._config.enable_speaker_diarization:
            fields["speaker"] = speaker or "1"
        fields |= {"language": to, "translation_status": "translation", "source_language": source}
        tokens: list[Message] = [{"text": f" {word}", **fields, "is_final": final} for word in text.split()]
        if final:
            self._translated_drafts = []
            self._send(tokens)
        else:
            self._translated_drafts = tokens
            self._send([])

    def endpoint(self) -> None:
        """Makes everything final and sends ``<end>``."""
        self._send([*self._take_drafts(), marker("<end>")], final_ms=self._asked_ms)

    def finalized(self) -> None:
        """Makes everything final and sends ``<fin>``."""
        self._send([*self._take_drafts(), marker("<fin>")], final_ms=self._asked_ms)

    def sends(self, message: Mapping[str, object] | str) -> None:
        """Sends a message unchanged: an object as JSON, or any text.

        Args:
            message: The object, or the text.
        """
        self._queue.put(Send(message if isinstance(message, str) else json_text(message)))

    def error(self, error_type: str, message: str | None = None, *, status_code: int | None = None) -> None:
        """Ends the session with an error message, as ``Faults.error`` does.

        Args:
            error_type: Of the message.
            message: Its text; None: one that says that it was scripted.
            status_code: Its code; None: the one that belongs to the type.
        """
        self._queue.put(ends_with_error(error_type, message, status_code))

    def drop(self, how: str = "reset") -> None:
        """Breaks the connection; ``how`` is as for ``Faults.drop``."""
        self._queue.put(ends_by_drop(how))

    def stall(self) -> None:
        """Stops reading and answering. The connection stays open until the fake stops."""
        self._queue.put(ends_by_drop("stall"))

    def finish(self) -> None:
        """Makes everything final, sends the last message (``finished``), and closes."""
        drafts = self._take_drafts()
        self._total_ms = max(self._total_ms, self._asked_ms)
        if drafts:
            self._send(drafts, final_ms=self._total_ms)
        self._queue.put(Send(json_text({**self._message([], self._total_ms), "finished": True})))
        self._queue.put(Finished())

    def _answer_rest(self) -> None:
        """Answers ``finalize`` and the end of the audio, without a time limit."""
        if any(received.kind == "end" for received in self._passed):
            self.finish()
            return
        while True:
            received = self._next("", None, 0)
            if received.kind == "over":
                return
            if received.kind == "finalize":
                self._asked_ms = self._audio_ms
                self.finalized()
            if received.kind == "end":
                self._asked_ms = self._audio_ms
                self.finish()
                return

    def _expect(self, kind: Kind, passed_over: set[str], within_sec: float) -> None:
        wanted = str(Received(kind))
        deadline_sec = time.monotonic() + within_sec
        while (received := self._next(wanted, deadline_sec, within_sec)).kind != kind:
            if received.kind not in passed_over:
                raise self._unmet(wanted, f"the client sent {received}")
        self._asked_ms, self._asked_bytes = self._audio_ms, len(self._audio)

    def _next(self, wanted: str, deadline_sec: float | None, within_sec: float) -> Received:
        """Takes the next event of the client.

        Args:
            wanted: A description of the expectation.
            deadline_sec: In real time; None: no limit, and the end of the session is no failure.
            within_sec: The timeout of the expectation, for the error.
        """
        received = self._queue.next(None if deadline_sec is None else max(0.0, deadline_sec - time.monotonic()))
        if received is None:
            raise self._unmet(wanted, f"nothing more came within {within_sec:g} s")
        if received.kind == "over":
            if deadline_sec is not None:
                raise self._unmet(wanted, f"the session was over ({received.how})")
            return received
        self._passed.append(received)
        if received.kind == "audio":
            self._audio += received.data
            self._audio_ms = received.audio_ms
        return received

    def _unmet(self, wanted: str, instead: str) -> AssertionError:
        parts: list[str] = []
        for kind, run in groupby(self._passed, lambda received: received.kind):
            listed = list(run)
            size = sum(len(received.data) for received in listed)
            if kind == "audio":
                parts.append(f"audio in {len(listed)} message(s), {size} bytes, {listed[-1].audio_ms} ms by then")
            else:
                parts.append(str(listed[0]) + (f" {len(listed)} times" if len(listed) > 1 else ""))
        so_far = "; ".join(parts) or "nothing"
        return AssertionError(f"expected {wanted}, but {instead}. Since its start message the client sent: {so_far}")

    def _audio_end(self, ms: int | None, size: int | None, contains: bytes | None) -> int | None:
        """The position in the audio at which an expectation is met; None: not yet."""
        end = len(self._audio)
        new = end - self._asked_bytes
        if ms is not None and self._audio_ms - self._asked_ms < ms:
            return None
        if size is not None:
            if new < size:
                return None
            end = self._asked_bytes + size
        if contains is not None:
            found = self._audio.find(contains, self._asked_bytes)
            if found < 0:
                return None
            end = max(end if size is not None else 0, found + len(contains))
        if ms is None and size is None and contains is None and not new:
            return None
        return end

    def _spaced(self, text: str) -> list[str]:
        words = text.split()
        if words:
            own = text[: len(text) - len(text.lstrip())]
            words[0] = (own or space_before(words[0], first=not self._said_anything)) + words[0]
        return [words[0], *(space_before(word, first=False) + word for word in words[1:])] if words else []

    def _take_drafts(self) -> list[Message]:
        """Takes the non-final tokens, as final ones."""
        drafts = [*self._drafts, *self._translated_drafts]
        self._said_anything = self._said_anything or bool(self._drafts)
        self._drafts, self._translated_drafts = [], []
        self._said_ms = max(self._said_ms, self._asked_ms, self._total_ms)
        return [{**draft, "is_final": True} for draft in drafts]

    def _send(self, finals: list[Message], *, final_ms: int = 0) -> None:
        self._queue.put(Send(json_text(self._message(finals, final_ms))))

    def _message(self, finals: list[Message], final_ms: int) -> Message:
        self._queue.final_tokens += finals
        self._final_ms = max(self._final_ms, final_ms)
        self._total_ms = max(self._total_ms, self._final_ms, self._asked_ms)
        drafts = [*self._drafts, *self._translated_drafts] if self._config.enable_non_final_tokens else []
        return {
            "tokens": [*finals, *drafts],
            "final_audio_proc_ms": self._final_ms,
            "total_audio_proc_ms": self._total_ms,
        }


def _bytes(audio: bytearray, begin: int, end: int) -> bytes:
    # A function, because ``bytes`` is a parameter in the method.
    return bytes(audio[begin:end])


def start_conversation(
    function: Callable[[Conversation], object],
    config: SttConfig,
    queue: ConversationQueue,
    state: State,
) -> threading.Thread:
    """Runs the function of a test in a new thread, and ends the session if the function does not.

    Args:
        function: The test's function.
        config: From the start message.
        queue: To and from the session.
        state: Of the fake; it remembers what the function raises.
    """

    def wait(seconds: float) -> None:
        with state.clock.alarm(state.stopping) as alarm:
            alarm.wait_until(state.clock.now_sec() + seconds, unless=queue.is_over)

    conversation = Conversation(config, queue, wait)

    def run() -> None:
        try:
            check_outcome("function", function(conversation))
            if not queue.ended:
                conversation._answer_rest()  # pyright: ignore[reportPrivateUsage] - not for users
        except BaseException as failure:  # noqa: BLE001 - kept and raised when the fake stops
            name = getattr(function, "__name__", repr(function))
            state.remember_failure(failure, f"running the function {name} of a session")
            if not queue.ended:
                what = f"The function of this session failed: {type(failure).__name__}: {failure}"
                queue.put(RealtimeError("internal_error", what))

    thread = threading.Thread(target=run, name="fake-soniox-conversation", daemon=True)
    thread.start()
    return thread
