"""FakeSoniox: the fake server, as tests use it."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from .assertions import Assertions
from .catalogue.tts_models import TtsModel
from .front.delivery import FaultyApi
from .front.endpoint import STT_PATH, TTS_PATH, SttEndpoint, TtsEndpoint
from .net.exchange import Service
from .net.listener import Listener
from .net.proxies import past_proxies
from .realtime.stt_session import SttRules
from .rest.router import Router
from .rest.routes import OPERATIONS, ROUTES
from .script.callbacks import check_plain
from .script.clock import Clock
from .script.failures import PATIENCE_SEC, FakeSonioxError, join
from .script.keep import Keep
from .script.limits import Limits
from .script.names import texts_of
from .script.permissions import permissions_of
from .script.progress import BY_TIME, DEFAULT_PROGRESS
from .script.recordings import AddedRecording, Hearing
from .script.settings import AudioCheck, StreamStyle, choice
from .script.transcripts import Download, Failure, Line, SessionFunction, words_of
from .script.verbs import checked
from .store.snapshots import restore, save
from .store.state import State
from .store.voices import VoiceFailure
from .store.webhooks import WebhookRules
from .tapes.deck import TapeDeck
from .tapes.tape import MAX_BYTES, Tape, TapeWriter
from .tapes.upstream import Upstream
from .unfrozen import time
from .wire.operations import STT

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Callable, Collection, Iterable, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from .front.shared import Mount, Place, SharedListener
    from .net.tls import Certificate
    from .realtime.conversation import Conversation
    from .script.faults import Fault, Faults
    from .script.progress import ProgressRule
    from .script.recordings import Recording
    from .script.records import (
        FileRecord,
        MessageRecord,
        RequestRecord,
        SessionRecord,
        SpeechConnectionRecord,
        SpeechRecord,
        TranscriptionRecord,
        UsageRecord,
        VoiceRecord,
        WebhookDelivery,
    )
    from .script.transcripts import Word
    from .store.speeches import SpeechRules
    from .store.transcribers import Transcriber

_DEFAULT_KEY = "fake-soniox-key"
_GIBIBYTE = 1024**3
_MAX_SPEED = 1e9


class FakeSoniox(Assertions):
    """A Soniox server in this process, on a real port.

    It stores uploads, completes jobs, answers realtime sessions, and has a transcript for every audio, scripted or not.
    May be used from any thread.

    Args:
        api_keys: The keys that are accepted; others are answered with 401. None: every key is accepted. Each
            key is a separate project, with its own files, jobs and voices. A mapping gives the permissions of each key,
            as for ``restrict_key``.
        host: Name or address to listen on.
        port: Port to listen on; 0 picks a free one.
        tls: Whether to speak TLS, with a new certificate: see ``ca_file``, ``ssl_context``.
        listener: A port shared with other fakes, which makes starting and stopping fast. The URL then has a path, a new
            one after each start. ``host``, ``port`` and ``tls`` are set on the listener.
        name: Of this fake in messages, such as the test's name.
        progress: How jobs move, see ``after_seconds`` and ``after_polls``. Voices are ``processing`` until a job would
            be ``completed``. None: a job takes 0.04 seconds, or until it is polled for the second time, which is only
            a matter of time with a ``VirtualClock``.
        clock: Source of monotonic seconds; give a ``VirtualClock`` to let time stand still. Any can be moved on by
            ``fake.clock.advance``.
        speed: Seconds of the fake's time for each second of ``clock``: with 60, the 20 seconds after which a
            silent realtime session ends are a third of a second.
        started_at: The wall time at the present reading of ``clock()``; None: the real time.
        max_file_size_bytes: Uploads above this size are refused.
        limits: The limits and budgets of the account: ``service`` for those of a new account of the service, a
            ``Limits``, or what ``Limits.of`` takes; None: there are none. Also an attribute.
        allow_webhooks_to: Hosts to which webhooks may be sent besides those of this machine; ``*`` stands for all.
        webhook_attempts_sec: Seconds on the fake's clock from the end of a job to each attempt to deliver its
            webhook, as long as none is answered with 2xx.
        webhook_timeout_sec: Real seconds a receiver of webhooks may take.
        transcriber: Transcribes audio for which no transcript was added: ``transcriber(audio, config)`` gets the bytes
            of the uploaded file, or of the whole session when its audio has ended, and the body of the client's
            request, or its start message, without the key. It returns a text, which is split at white space, or a
            sequence of ``Word``. Called once for each job and session, in threads of the fake, one call at a time, and
            not for audio behind a URL of another machine, which is not fetched. A job does not complete before it has
            its words. An exception ends the job or the session with ``internal_error``, and is raised when the fake
            stops. None: see ``add_transcript``.
        strict: Whether ``stop`` calls ``check``, unless an exception is in flight.
        key_in_start_message: Whether the key of a realtime session may be in the start message. None: until the fake's
            wall time is 15 January 2027, from when on the service refuses it. Until then, records have a note of it,
            and ``check`` warns.
        empty_binary_ends: Whether an empty binary message ends the audio of a realtime session, as one old client
            expects; for the service, it is empty audio.
        audio: ``checked``: what has no known audio header is refused where the service needs one, unless a script or a
            transcriber says what it holds: a job ends with ``invalid_audio_file``, a realtime session with 408 for
            ``auto`` and with 400 for another format. ``any``: all bytes are audio. Also an attribute.
        style: How the tokens of realtime sessions come. ``real``: as those of the service, at irregular intervals, in
            parts of words, several final ones at once, punctuation and translations apart. ``simple``: one for each
            word, final a second after it was spoken. Also an attribute.
        speech: Timers and bounds of text-to-speech; None: the service's.
        voices: The names of all shared voices; others are refused. None: those that the service is known to have. The
            service has more, so every other name is accepted as well, with a note in its record, except those that the
            service is known to refuse.
        keep: For a fake that runs for long: how many records of each kind are kept, of requests, sessions and so on.
            Four times as many files, transcriptions, voices and temporary keys are kept, and older ones are deleted; of
            the audio of all realtime sessions together, 4096 bytes for each record. None: all that is stored, all
            audio, and 10,000 records of each kind.

    Raises:
        ValueError: An API key is empty; a voice has an impossible name; a permission or a limit is unknown; a limit is
            or a size is negative; the speed is not above 0, or above 1e9; there are no attempts, or they are not in
            ascending order; a function is a coroutine function; or an address is given beside a shared listener.
        RuntimeError: TLS was asked for, and trustme is not installed.
        TypeError: There is no such argument, or a value is of another type.
    """

    @checked
    def __init__(
        self,
        *,
        api_keys: Iterable[str] | Mapping[str, Iterable[str] | None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        listener: SharedListener | Place | None = None,
        name: str | None = None,
        progress: ProgressRule | None = None,
        clock: Callable[[], float] = time.monotonic,
        started_at: datetime | None = None,
        speed: float = 1.0,
        max_file_size_bytes: int = _GIBIBYTE,
        limits: Limits | Mapping[str, object] | str | None = None,
        allow_webhooks_to: Collection[str] | None = None,
        webhook_attempts_sec: Sequence[float] = (0.0, 1.0, 5.0, 30.0),
        webhook_timeout_sec: float = 5.0,
        transcriber: Transcriber | None = None,
        strict: bool = False,
        key_in_start_message: bool | None = None,
        empty_binary_ends: bool = False,
        audio: AudioCheck = "checked",
        style: StreamStyle = "real",
        speech: SpeechRules | None = None,
        voices: Iterable[str] | None = None,
        keep: int | None = None,
    ) -> None:
        keys = None if api_keys is None else texts_of("api_keys", api_keys)
        if keys is not None and not all(keys):
            raise ValueError("an API key must not be empty")
        if not 0 < speed <= _MAX_SPEED:
            raise ValueError(f"speed must be above 0, and at most {_MAX_SPEED:g}, not {speed}")
        if max_file_size_bytes < 0:
            raise ValueError(f"max_file_size_bytes must not be negative, as {max_file_size_bytes} is")
        own_clock = Clock(clock, started_at, speed)
        if progress is None:
            progress = BY_TIME if own_clock.stands_still else DEFAULT_PROGRESS
        check_plain("progress", progress)
        if transcriber is not None:
            check_plain("transcriber", transcriber)
        self._state = State(
            api_keys=keys,
            clock=own_clock,
            progress=progress,
            max_file_size_bytes=max_file_size_bytes,
            limits=Limits.of(limits),
            webhooks=WebhookRules.of(allow_webhooks_to, webhook_attempts_sec, webhook_timeout_sec),
            transcriber=transcriber,
            speech=speech,
            voices=None if voices is None else texts_of("voices", voices),
            audio=choice("audio", audio, AudioCheck),
            style=choice("style", style, StreamStyle),
            operations=OPERATIONS,
            keep=Keep.of(keep),
        )
        self._strict = strict
        if isinstance(api_keys, Mapping):
            for key, permissions in cast("Mapping[str, Iterable[str] | None]", api_keys).items():
                self.restrict_key(key, permissions)
        stt = SttEndpoint(self._state, SttRules(key_in_start_message, empty_binary_ends))
        speech_endpoint = TtsEndpoint(self._state, key_in_start_message=key_in_start_message)
        remember_failure = self._state.remember_failure
        api = FaultyApi(self._state, Router(self._state, ROUTES))
        endpoints = {STT_PATH: stt.serve, TTS_PATH: speech_endpoint.serve}
        self._tapes = TapeDeck(self._state, api.respond, endpoints.get)
        service = Service(
            self._tapes.respond, self._tapes.upgrade, lambda error, doing, _: remember_failure(error, doing)
        )
        self._name = name
        if listener is None:
            self._listener: Listener | Mount = Listener(service, host=host, port=port, tls=tls)
        elif tls or port or host != "127.0.0.1":
            raise ValueError("host, port and tls belong to the shared listener")
        else:
            self._listener = listener.mount(service, name=name)
        self._lifecycle = threading.RLock()
        """Held by a start or a stop."""
        self._url: str | None = None
        self._recording_key: str | None = None

    def start(self) -> Self:
        """Begins to listen; does nothing when it already does.

        Returns:
            This object.

        Raises:
            OSError: It cannot listen on the address, for example because the port is in use.
        """
        with self._lifecycle:
            if not self._listener.is_running():
                self._state.stopping.clear()
                self._listener.start()
                self._url = self._listener.url
                self._state.webhooks.start()
                self._state.transcriber.start()
        return self

    def stop(self) -> None:
        """Stops listening and ends all connections; does nothing when stopped. Its records stay readable.

        A function of the test that hangs, such as a transcriber, delays this by 1.5 seconds, and is an error.

        Raises:
            FakeSonioxError: The fake had an internal error since it was started.
            AssertionError: No other exception is in flight, and a tape was not played to its end, or this is strict and
                ``check`` failed.
        """
        unexpected: AssertionError | None = None
        with self._lifecycle:
            if self._listener.is_running():
                unexpected = None if sys.exc_info()[0] else self._unexpected()
                self._end()
        with self._state.lock:
            failures, self._state.history.failures = self._state.history.failures, []
        if failures:
            raise FakeSonioxError(failures, f"the fake server of {self._name}" if self._name else "the fake server")
        if unexpected is not None:
            raise unexpected

    def _unexpected(self) -> AssertionError | None:
        """What a tape or ``check`` complains of at a stop."""
        try:
            self._tapes.check()
            if self._strict:
                self.check()
        except AssertionError as error:
            return error
        return None

    def _end(self) -> None:
        deadline_sec = time.monotonic() + PATIENCE_SEC
        ending = [*self._state.webhooks.stop(), *self._state.transcriber.stop()]
        self._state.stopping.set()
        late = join([*ending, *self._listener.stop()], deadline_sec)
        late += join(self._state.conversations(), deadline_sec)
        self._tapes.close()
        with self._state.lock:
            self._state.history.failures += late

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def name(self) -> str | None:
        """Its name in messages, as the argument."""
        return self._name

    @property
    def url(self) -> str:
        """The URL of the server, such as ``http://127.0.0.1:8080``, also after it stopped.

        Raises:
            RuntimeError: It was never started.
        """
        if self._url is None:
            raise RuntimeError("this FakeSoniox was not started: use it in a with statement, or call start()")
        return self._url

    @property
    def api_base_url(self) -> str:
        """The base URL of the REST API for clients: ``url`` with ``/v1``."""
        return f"{self.url}/v1"

    @property
    def stt_websocket_url(self) -> str:
        """The URL of realtime speech-to-text: ``ws://HOST:PORT/transcribe-websocket``."""
        return f"ws{self.url.removeprefix('http')}{STT_PATH}"

    @property
    def tts_api_base_url(self) -> str:
        """The base URL of text-to-speech over REST for clients: ``url``, without ``/v1``."""
        return self.url

    @property
    def tts_websocket_url(self) -> str:
        """The URL of text-to-speech streams: ``ws://HOST:PORT/tts-websocket``."""
        return f"ws{self.url.removeprefix('http')}{TTS_PATH}"

    @property
    def api_key(self) -> str:
        """A key that this server accepts; while it records, the one that was given for it."""
        keys = self._state.keys.permanent
        return self._recording_key or (keys[0] if keys else _DEFAULT_KEY)

    @property
    def ca_file(self) -> str:
        """The path of a PEM file with the CA that clients must trust.

        Raises:
            RuntimeError: It does not speak TLS.
        """
        return self._certificate().ca_file

    def ssl_context(self) -> ssl.SSLContext:
        """A new TLS context for a client, which trusts only this server.

        Raises:
            RuntimeError: It does not speak TLS.
        """
        return self._certificate().client_context()

    def _certificate(self) -> Certificate:
        certificate = self._listener.certificate
        if certificate is None:
            raise RuntimeError("this FakeSoniox speaks plain HTTP: make it with tls=True")
        return certificate

    def environment(self) -> dict[str, str]:
        """The environment variables for code that builds its own client; with TLS also the CA file.

        ``NO_PROXY`` and ``no_proxy`` are those of this process and the fake's host, so that no proxy is used.
        """
        return {
            **({"SSL_CERT_FILE": self.ca_file} if self._listener.certificate else {}),
            "SONIOX_API_KEY": self.api_key,
            # The SDK for Node takes it without /v1; soniox_lite takes both.
            "SONIOX_API_BASE_URL": self.url,
            "SONIOX_WS_URL": self.stt_websocket_url,
            "SONIOX_TTS_API_URL": self.tts_api_base_url,
            "SONIOX_TTS_WS_URL": self.tts_websocket_url,
            **past_proxies(urlsplit(self.url).hostname or ""),
        }

    @checked
    def add_transcript(
        self,
        transcript: str | Sequence[Word],
        *,
        filename: str | None = None,
        content: bytes | None = None,
        client_reference_id: str | None = None,
    ) -> None:
        """Adds the transcript of the next audio.

        Each transcript is used for one job or one realtime session, in the order they were added. Without one, the
        words of a job are derived from the audio: the same bytes have the same words. A session then has sentences of
        eight words, which depend on its ``client_reference_id`` only.

        In a session, words without times are 2.5 a second, with a pause after each sentence; the rest are sent when the
        audio ends. Words with times are sent at their times, if the audio is that long.

        Args:
            transcript: A text, or words with times, speakers, languages.
            filename: Only for audio of this file name, or whose URL path ends with it; never for a session.
            content: Only for an uploaded file of exactly these bytes.
            client_reference_id: Only for a job or a session with this reference, or a job on a file with it.

        Raises:
            ValueError: The times of the words are not in ascending order.
        """
        content_sha256 = None if content is None else hashlib.sha256(content).hexdigest()
        self._add(Line(words_of(transcript), filename, client_reference_id, content_sha256))

    @checked
    def add_recording(
        self, recording: Recording, hearing: Hearing | None = None, *, client_reference_id: str | None = None
    ) -> None:
        """Lets realtime sessions hear a recording: their words follow the audio that they get, wherever it was cut.

        So the loop of a client that connects again can be judged: see ``Recording.compare``. It holds for any number of
        sessions that have neither a function nor a transcript; of several recordings, for the last one that fits.

        The times of a session count from its own first byte. A word of which less than 35 % came is not heard; of one
        of which less than 80 % came, only those letters are heard, with ``~`` before them. ``finalize`` inside a word
        cuts it in two as well. Other audio, such as digital silence, holds no words.

        Args:
            recording: The audio with its words.
            hearing: How well it is heard; None: without a mistake.
            client_reference_id: Only for sessions with this reference.
        """
        with self._state.lock:
            added = AddedRecording(recording, hearing or Hearing(), client_reference_id)
            self._state.script.recordings.append(added)

    @checked
    def fail_next_job(
        self,
        error_type: str,
        message: str,
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
    ) -> None:
        """Lets the next job end in ``error``. Transcripts that were added stay for later jobs.

        Args:
            error_type: The job's ``error_type``, such as ``organization_balance_exhausted``.
            message: The job's ``error_message``.
            filename: Only for audio of this file name, or whose URL path ends with it.
            client_reference_id: Only for a job with this reference, or on a file with it.
        """
        self._add(Line(Failure(error_type, message), filename, client_reference_id))

    @checked
    def fail_next_voice(self, error_type: str, message: str, *, name: str | None = None) -> None:
        """Lets the next cloned voice end in ``failed``, for every model, once it would have been ready.

        Args:
            error_type: The ``error_type`` that it shows, such as ``voice_audio_too_long``.
            message: The ``error_message`` that it shows.
            name: Only for a voice of this name.
        """
        with self._state.lock:
            self._state.voices.failures.append(VoiceFailure(Failure(error_type, message), name))

    @checked
    def add_tts_model(
        self,
        model_id: str,
        *,
        supports_timestamps: bool = True,
        supports_voice_cloning: bool = True,
        supports_speed_adjustment: bool = True,
        supports_silence_reduction: bool = True,
    ) -> None:
        """Releases a model of text-to-speech. Cloned voices that are there already are ``not_computed`` for it.

        Args:
            model_id: Its name.
            supports_timestamps: Whether a stream may ask for the times of characters.
            supports_voice_cloning: Whether it takes cloned voices.
            supports_speed_adjustment: Whether it takes ``speed``.
            supports_silence_reduction: Whether it takes ``reduce_silence``.

        Raises:
            ValueError: There is such a model.
        """
        model = TtsModel(
            model_id,
            supports_timestamps=supports_timestamps,
            supports_voice_cloning=supports_voice_cloning,
            supports_speed_adjustment=supports_speed_adjustment,
            supports_silence_reduction=supports_silence_reduction,
        )
        with self._state.lock:
            self._state.voices.catalogue.add(model)

    @checked
    def add_usage(
        self,
        model: str,
        *,
        ended_at: datetime | None = None,
        audio_duration_ms: int = 0,
        text: str = "",
        client_reference_id: str | None = None,
        api_key: str | None = None,
    ) -> UsageRecord:
        """Adds an entry to the usage as if a request had been made, which started when it ended.

        Args:
            model: Its model. Speech-to-text, by ``stt-``, heard the audio and gave the text; all others the reverse.
            ended_at: When it ended; None: now, by the fake's clock.
            audio_duration_ms: Milliseconds of audio.
            text: What was said.
            client_reference_id: Its reference; None: none.
            api_key: The key that was used; None: that of ``api_key``.

        Raises:
            ValueError: The time leaves its zone open, or the audio is negative.
        """
        if audio_duration_ms < 0:
            raise ValueError(f"audio_duration_ms must not be negative, as {audio_duration_ms} is")
        if ended_at is not None and ended_at.tzinfo is None:
            raise ValueError("ended_at needs a time zone")
        state = self._state
        end = state.clock.wall() if ended_at is None else ended_at.astimezone(timezone.utc)
        hears = model.startswith("stt-")
        with state.lock:
            return state.usage.add(
                api_key=self.api_key if api_key is None else api_key,
                model=model,
                client_reference_id=client_reference_id,
                start=end,
                end=end,
                input_text="" if hears else text,
                input_audio_duration_ms=audio_duration_ms if hears else 0,
                output_text=text if hears else "",
                output_audio_duration_ms=0 if hears else audio_duration_ms,
            )

    def play_tape(
        self,
        path: str | os.PathLike[str] | Tape,
        *,
        pauses: bool = True,
        in_order: bool = True,
        ignore: Collection[str] = (),
    ) -> None:
        """Answers all requests from a tape from now on, instead of the API.

        A client that does something else than the tape has gets a 500 that says where, which is raised when the fake
        stops. So is what the tape has and no client has asked for. A second tape follows when the first was played.

        Args:
            path: The file, written by ``python -m soniox_testing record``, ``record_tape`` or a session of
                ``soniox_lite``; or a tape that was read.
            pauses: Whether answers take as long as they did, by the fake's clock: with ``speed=60``, a minute takes a
                second. Otherwise each comes at once.
            in_order: Whether requests come in the order of the tape, except those that were under way at the same time.
                Otherwise they may come in any.
            ignore: Names of fields of bodies and messages that are not compared, such as ``client_reference_id``.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no tape.
            TypeError: A name is no text.
        """
        self._tapes.play(path, pauses=pauses, in_order=in_order, ignore=texts_of("ignore", ignore))

    def record_tape(
        self,
        path: str | os.PathLike[str],
        *,
        to: str = "https://api.soniox.com",
        api_key: str | None = None,
        mask_text: bool = False,
        keep_audio: bool = False,
        max_bytes: int = MAX_BYTES,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        """Passes all requests on to the service from now on, and records them until the fake stops.

        No key is written, neither permanent nor temporary.

        Args:
            path: The file, which is replaced.
            to: The service's URL, without ``/v1``.
            api_key: What ``api_key`` and ``environment()`` give to clients; None: as before. The keys of clients are
                passed on as they are.
            mask_text: Whether letters become ``x`` and digits ``0`` where people's words, names and references are.
            keep_audio: Whether audio is written; otherwise its length is.
            max_bytes: Of the file; the rest is passed on and not written, as its last line says.
            ca_file: PEM file with the certificates to trust; None: those of the system.

        Raises:
            OSError: A file cannot be read or written.
            ValueError: ``to`` is no such URL, or ``http`` to another machine; ``ca_file`` has no certificates; or
                ``max_bytes`` is below 1024.
        """
        upstream = Upstream(to, ca_file=ca_file)
        writer = TapeWriter(path, to=upstream.url, mask_text=mask_text, keep_audio=keep_audio, max_bytes=max_bytes)
        self._tapes.record(upstream, writer)
        self._recording_key = api_key

    @checked
    def fail_next_session(
        self,
        error_type: str,
        message: str | None = None,
        *,
        status_code: int | None = None,
        after_audio_ms: int | None = None,
    ) -> Fault:
        """Lets the next realtime session end with an error message. Failures are used up in the order they were added.

        Only a valid start message uses one up. A session that fails at its start takes no transcript.

        Args:
            error_type: The message's ``error_type``, such as ``service_unavailable``.
            message: The message's ``error_message``; None: a text that says that this was scripted.
            status_code: The message's ``error_code``; None: the one that belongs to the type.
            after_audio_ms: Once so many milliseconds of audio have been answered; None: in answer to the start message.

        Raises:
            ValueError: There is no ``status_code``, and none is known for the type; or the time is negative.
        """
        return self.faults.error(
            error_type, message, status_code=status_code, after_audio_ms=after_audio_ms, operation=STT, times=1
        )

    @checked
    def drop_next_session(self, *, after_audio_ms: int | None = None, how: str = "reset") -> Fault:
        """Lets the connection of the next realtime session break, in one queue with ``fail_next_session``.

        Args:
            after_audio_ms: Once so many milliseconds of audio have been answered; None: in answer to the start message.
            how: One of the ways of ``faults.drop``: ``reset``, ``eof``, ``stall``, ``half_open``, ``close:1011``.

        Raises:
            ValueError: ``how`` is unknown, or the time is negative.
        """
        return self.faults.drop(how=how, after_audio_ms=after_audio_ms, operation=STT, times=1)

    @property
    def limits(self) -> Limits:
        """The limits and budgets of the account. May be set to what the argument takes; each may be set by itself."""
        return self._state.limits

    @limits.setter
    def limits(self, value: Limits | Mapping[str, object] | str | None) -> None:
        self._state.limits = Limits.of(value)

    def save_state(self) -> dict[str, object]:
        """What this fake stores, as JSON values: files, voices, keys, transcriptions, usage.

        Not among them are scripts and faults, and the records of requests, sessions and webhooks.
        """
        with self._state.lock:
            return save(self._state)

    def load_state(self, state: Mapping[str, object]) -> None:
        """Adds what ``save_state`` has returned, of this fake or of another, or a document that was written by hand.

        Args:
            state: Lists of objects by section, such as ``{"files": [{"filename": "a.wav", "content_base64": "..."}]}``.
                Ids that are not given are new, times are now, the key is ``api_key``.

        Raises:
            ValueError: Something does not fit; the message names its place. Nothing was added.
        """
        with self._state.lock:
            restore(self._state, dict(state), self.api_key)

    @property
    def audio(self) -> AudioCheck:
        """Which bytes are taken for audio, as the argument."""
        return self._state.audio

    @audio.setter
    def audio(self, value: AudioCheck) -> None:
        self._state.audio = choice("audio", value, AudioCheck)

    @property
    def style(self) -> StreamStyle:
        """How the tokens of realtime sessions come, as the argument."""
        return self._state.style

    @style.setter
    def style(self, value: StreamStyle) -> None:
        self._state.style = choice("style", value, StreamStyle)

    @checked
    def add_audio_url(self, audio_url: str, content: bytes = b"", *, status_code: int = 200) -> None:
        """Says what jobs find behind a URL.

        Without it, a URL of this machine is fetched, and what is behind another one counts as audio.

        Args:
            audio_url: As the jobs name it.
            content: What is there.
            status_code: HTTP status; the jobs fail unless it is 2xx.
        """
        with self._state.lock:
            self._state.script.downloads[audio_url] = Download(content, status_code)

    @property
    def clock(self) -> Clock:
        """The time of this fake, which can be moved on: ``fake.clock.advance(20)``."""
        return self._state.clock

    @property
    def faults(self) -> Faults:
        """The faults, with a method for each kind: ``fake.faults.answer(503, times=2)``."""
        return self._state.faults

    @checked
    def on_session(
        self,
        function: Callable[[Conversation], object],
        *,
        client_reference_id: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Lets a function run the next realtime session, in a new thread.

        An exception in it ends the session with a 500 message and is raised when the fake stops. Such a session takes
        no transcript. Functions are used in the order they were added.

        Args:
            function: Called with the ``Conversation``, once the start message has been accepted.
            client_reference_id: Only for sessions with this reference.
            times: For how many sessions; None: for all.

        Raises:
            ValueError: ``times`` is not above 0, or the function is a coroutine function.
        """
        if times is not None and times < 1:
            raise ValueError(f"a function cannot run {times} sessions")
        check_plain("function", function)
        with self._state.lock:
            self._state.script.functions.append(SessionFunction(function, client_reference_id, times))

    def clear_scripts(self) -> None:
        """Removes what was scripted and has not been used, except faults: see ``faults.clear``."""
        with self._state.lock:
            self._state.script.clear()
            self._state.voices.failures.clear()

    def _add(self, line: Line) -> None:
        with self._state.lock:
            self._state.script.lines.append(line)

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """The stored files of all keys, in order of creation."""
        with self._state.lock:
            return tuple(file.record for file in self._state.projects.files())

    @property
    def transcriptions(self) -> tuple[TranscriptionRecord, ...]:
        """The stored transcriptions of all keys, in order of creation, as they stand now."""
        with self._state.lock:
            return tuple(self._state.projects.advance(job) for job in self._state.projects.jobs())

    def file_content(self, file_id: str) -> bytes:
        """The bytes of an uploaded file.

        Args:
            file_id: Id of an uploaded file.

        Raises:
            KeyError: There is no file with this id.
        """
        with self._state.lock:
            for file in self._state.projects.files():
                if file.record.id == file_id:
                    return file.read()
        raise KeyError(f"there is no file {file_id!r}")

    @property
    def voices(self) -> tuple[VoiceRecord, ...]:
        """The stored cloned voices of all keys, in order of creation, as they stand now."""
        with self._state.lock:
            return tuple(self._state.voices.record(voice) for voice in self._state.voices.all())

    def voice_content(self, voice_id: str) -> bytes:
        """The bytes of the clip of a cloned voice.

        Args:
            voice_id: Id of a cloned voice.

        Raises:
            KeyError: There is no voice with this id.
        """
        with self._state.lock:
            for voice in self._state.voices.all():
                if voice.id == voice_id:
                    return voice.content
        raise KeyError(f"there is no voice {voice_id!r}")

    @property
    def usage(self) -> tuple[UsageRecord, ...]:
        """The last 10,000 usage entries of all keys, in the order they were made."""
        with self._state.lock:
            self._state.projects.jobs_now()
            return self._state.usage.records()

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The last 10,000 REST requests, in the order they were answered."""
        with self._state.lock:
            return tuple(self._state.history.requests)

    @property
    def webhooks(self) -> tuple[WebhookDelivery, ...]:
        """The webhooks so far, in the order in which their jobs ended, as they stand now."""
        return self._state.webhooks.records()

    def send_webhook_again(self, transcription_id: str) -> WebhookDelivery:
        """Sends the webhook of a job once more, as the service may do.

        Args:
            transcription_id: Id of a job.

        Returns:
            The new delivery after its first attempt.

        Raises:
            KeyError: There is no such job, and no webhook of a deleted one.
            ValueError: The job has no webhook, or has not ended.
            RuntimeError: The server does not run.
        """
        return self._state.webhooks.send_again(transcription_id)

    @checked
    def wait_for_webhook(self, transcription_id: str, *, timeout_sec: float = 5.0) -> WebhookDelivery:
        """Waits until the webhook of a job was delivered, or its last attempt failed.

        Args:
            transcription_id: Of the job.
            timeout_sec: Real seconds to wait at most.

        Returns:
            The last webhook of this job.

        Raises:
            TimeoutError: That did not happen in time.
        """
        return self._state.webhooks.wait_for(transcription_id, timeout_sec)

    @checked
    def restrict_key(self, api_key: str, permissions: Iterable[str] | None) -> None:
        """Sets the permissions of an API key; all else is refused with 403 from then on.

        Args:
            api_key: Any permanent key.
            permissions: Of ``files``, ``transcriptions``, ``stt_realtime``, ``tts_realtime``, ``voices`` and
                ``usage``; None: all, the default.

        Raises:
            ValueError: There is no such permission.
        """
        with self._state.lock:
            if permissions is None:
                self._state.keys.permissions.pop(api_key, None)
            else:
                self._state.keys.permissions[api_key] = permissions_of(permissions)

    @property
    def sessions(self) -> tuple[SessionRecord, ...]:
        """The last 10,000 realtime sessions of all keys, in the order they were opened, as they stand now."""
        with self._state.lock:
            return tuple(log.record() for log in self._state.history.sessions)

    @property
    def messages(self) -> tuple[MessageRecord, ...]:
        """The last messages of all WebSockets in their order, at most 5,000 and 2 MiB of text."""
        return tuple(self._state.messages.records())

    @property
    def speeches(self) -> tuple[SpeechRecord, ...]:
        """The last 10,000 texts to speak of all keys, in the order they were begun, as they stand now.

        A REST request and a stream of a WebSocket are one each.
        """
        with self._state.lock:
            return tuple(log.record() for log in self._state.speeches.logs)

    @property
    def speech_connections(self) -> tuple[SpeechConnectionRecord, ...]:
        """The last 10,000 WebSockets of text-to-speech, in the order they were opened, as they stand now."""
        with self._state.lock:
            return tuple(log.record() for log in self._state.speeches.connections)

    def speech_audio(self, speech_id: str) -> bytes:
        """The audio that was sent for a text; without the changes of ``faults.spoil_audio``.

        Args:
            speech_id: ``id`` of the record of a speech.

        Raises:
            KeyError: There is no record with this id in ``speeches``.
        """
        with self._state.lock:
            return self._state.speeches.audio(speech_id)

    def session_audio(self, session_id: str) -> bytes:
        """The audio that a realtime session received; what came as base64 is decoded.

        Args:
            session_id: ``id`` of the record of a session.

        Raises:
            KeyError: There was no session with this id, or its audio is not kept any more, see ``keep``.
        """
        with self._state.lock:
            for log in self._state.history.sessions:
                if log.id == session_id:
                    return log.audio()
        raise KeyError(f"there is no session {session_id!r}")
