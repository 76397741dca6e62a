# Generated from async_tts.py by scripts/generate_sync: edit that file, not this one.
"""Text-to-speech: audio from text."""

from __future__ import annotations

import os

from .._data.callbacks import check_callback, is_async, refuse_awaitable
from .._data.deprecation import warn_deprecated, warn_of_fields
from .._data.output_files import opened_output
from .._data.records import field_names
from .._data.rules import FieldErrors
from ..errors import SonioxAPIError, SonioxValidationError
from ..types.tts import FORMATS_OF_ENDINGS, CreateTtsConfig, CreateTtsPayload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

    from typing_extensions import Self

    from .._http.streams import ResponseStream
    from ..client import SonioxClient
    from ..types.aliases import TtsAudioFormat, TtsBitrate, TtsSampleRate
    from ..types.config_dicts import CreateTtsConfigDict

    ConfigInput = CreateTtsConfig | CreateTtsConfigDict | Mapping[str, Any]

__all__ = ["SpeechStream", "TtsAPI"]

DEFAULT_MODEL = "tts-rt-v2"
DEFAULT_VOICE = "Adrian"
_DEFAULT_LANGUAGE = "en"
_DEFAULT_FORMAT = "wav"
_NO_AUDIO = frozenset({"text/html", "application/json"})


class TtsAPI:
    """The ``tts`` namespace of a client. As shareable as the client.

    Every method may raise :class:`SonioxValidationError` (invalid arguments; nothing was sent), a
    :class:`SonioxAPIError` (the response is an error or no audio), :class:`SonioxConnectionError` or
    :class:`SonioxTimeoutError` (no response, or audio that broke off). A failed request is repeated where that is safe,
    but not after audio has begun to arrive.

    A field of ``config`` that is not None wins over the argument of the same name, except for ``language``, where the
    argument wins, as in the official SDK.
    """

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def generate(
        self,
        *,
        text: str,
        voice: str,
        model: str = DEFAULT_MODEL,
        config: ConfigInput | None = None,
        language: str | None = None,
        audio_format: TtsAudioFormat | str | None = None,
        sample_rate: TtsSampleRate | int | None = None,
        bitrate: TtsBitrate | int | None = None,
        client_reference_id: str | None = None,
        deadline_sec: float | None = None,
    ) -> bytes:
        """The whole audio of a text.

        Args:
            text: What to say, at most 5000 bytes in UTF-8. The service ends the audio after two minutes.
            voice: Name of a built-in voice, case included, or the id of a cloned one.
            model: Text-to-speech model.
            config: Further options, also as a dict; None for none.
            language: Code of the text's language; None for ``en``.
            audio_format: ``wav``, ``mp3``, ``opus``, ``flac``, ``aac``, ``pcm_s16le``, ...; None for ``wav``.
            sample_rate: Samples a second, in Hz; None for the format's default.
            bitrate: Bits a second of compressed audio; None for the codec's default.
            client_reference_id: Your own identifier in the usage logs, at most 256 characters; None for none.
            deadline_sec: How long the call may take, in seconds, retries and pauses included; None for no limit.
        """
        speech = self.generate_stream(
            text=text,
            voice=voice,
            model=model,
            config=config,
            language=language,
            audio_format=audio_format,
            sample_rate=sample_rate,
            bitrate=bitrate,
            client_reference_id=client_reference_id,
            deadline_sec=deadline_sec,
        )
        blocks: list[bytes] = []
        speech.copy_to(blocks.append)
        return b"".join(blocks)

    def generate_to_file(
        self,
        output: BinaryIO | os.PathLike[str] | str,
        *,
        text: str,
        voice: str = DEFAULT_VOICE,
        model: str = DEFAULT_MODEL,
        config: ConfigInput | None = None,
        language: str | None = None,
        audio_format: TtsAudioFormat | str | None = None,
        sample_rate: TtsSampleRate | int | None = None,
        bitrate: TtsBitrate | int | None = None,
        client_reference_id: str | None = None,
        deadline_sec: float | None = None,
        keep_partial: bool = False,
    ) -> int:
        """Writes the audio of a text while it arrives, and returns its length in bytes.

        Memory does not grow with the audio. A file is created or replaced when all of its audio has arrived; if the
        call fails or is interrupted, it is unchanged. A stream is written to as audio arrives, and is not closed; an
        async client writes to it from another thread.

        Args:
            output: Path of a file, whose directory exists; or a binary stream.
            text: What to say, at most 5000 bytes in UTF-8. The service ends the audio after two minutes.
            voice: Name of a built-in voice, case included, or the id of a cloned one.
            model: Text-to-speech model.
            config: Further options, also as a dict; None for none.
            language: Code of the text's language; None for ``en``.
            audio_format: ``wav``, ``mp3``, ``opus``, ``flac``, ``aac``, ``pcm_s16le``, ...; None for the format of the
                path's ending (``.mp3``), else ``wav``.
            sample_rate: Samples a second, in Hz; None for the format's default.
            bitrate: Bits a second of compressed audio; None for the codec's default.
            client_reference_id: Your own identifier in the usage logs, at most 256 characters; None for none.
            deadline_sec: How long the call may take, in seconds, retries and pauses included; None for no limit.
            keep_partial: Whether the file keeps the audio that arrived before a failure, if there is any.

        Raises:
            SonioxValidationError: The ending of the path contradicts the format, or ``output`` is no path or binary
                stream. Nothing was sent.
            SonioxInvalidFileError: The path cannot be written to. Nothing was sent.
            SonioxFileError: The file cannot be written to any more. Exceptions of a stream are passed on unchanged.
        """
        arguments = {
            "model": model,
            "voice": voice,
            "audio_format": audio_format,
            "sample_rate": sample_rate,
            "bitrate": bitrate,
            "client_reference_id": client_reference_id,
        }
        speech = self._speech(text, config, language, arguments, deadline_sec, _ending_of(output))
        if is_async(getattr(output, "write", None)):
            raise SonioxValidationError(
                "output is a stream whose write() has to be awaited; generate_stream has copy_to"
            )
        with opened_output(output, keep_partial=keep_partial) as writer:
            speech.copy_to(writer.write)
        return writer.count

    def generate_stream(
        self,
        *,
        text: str,
        voice: str,
        model: str = DEFAULT_MODEL,
        config: ConfigInput | None = None,
        language: str | None = None,
        audio_format: TtsAudioFormat | str | None = None,
        sample_rate: TtsSampleRate | int | None = None,
        bitrate: TtsBitrate | int | None = None,
        client_reference_id: str | None = None,
        deadline_sec: float | None = None,
    ) -> SpeechStream:
        """The audio of a text, to be iterated over while it arrives.

        Arguments are checked by this call. The request is sent when iteration or a ``with`` block begins.

        Args:
            text: What to say, at most 5000 bytes in UTF-8. The service ends the audio after two minutes.
            voice: Name of a built-in voice, case included, or the id of a cloned one.
            model: Text-to-speech model.
            config: Further options, also as a dict; None for none.
            language: Code of the text's language; None for ``en``.
            audio_format: ``wav``, ``mp3``, ``opus``, ``flac``, ``aac``, ``pcm_s16le``, ...; None for ``wav``, whose
                header then has no valid length.
            sample_rate: Samples a second, in Hz; None for the format's default.
            bitrate: Bits a second of compressed audio; None for the codec's default.
            client_reference_id: Your own identifier in the usage logs, at most 256 characters; None for none.
            deadline_sec: How many seconds may pass from sending the request to the last byte, including the time
                between reads; None for no limit.
        """
        arguments = {
            "model": model,
            "voice": voice,
            "audio_format": audio_format,
            "sample_rate": sample_rate,
            "bitrate": bitrate,
            "client_reference_id": client_reference_id,
        }
        return self._speech(text, config, language, arguments, deadline_sec)

    def _speech(
        self,
        text: str,
        config: ConfigInput | None,
        language: str | None,
        arguments: dict[str, Any],
        deadline_sec: float | None,
        ending: str = "",
    ) -> SpeechStream:
        payload = _payload(text, config, language, arguments, ending)
        with FieldErrors("the request") as check:
            check.seconds("deadline_sec", deadline_sec, maximum=31_536_000)
        return SpeechStream(self._client, payload, deadline_sec)


class SpeechStream:
    """Audio while it is received: an iterator of bytes, and a context manager that ends the transfer when it is left.

    Each item is the audio received since the last one; its size has no meaning. Nothing is read ahead: slow iteration
    slows the service down. If the connection breaks, all audio received until then is yielded before the error is
    raised. It is for one thread at a time, and for one iteration; any thread may close it.

    Errors are those of :class:`TtsAPI`.
    """

    def __init__(self, client: SonioxClient, payload: CreateTtsPayload, deadline_sec: float | None) -> None:
        self._client = client
        self._payload = payload
        self._deadline_sec = deadline_sec
        self._stream: ResponseStream | None = None
        self._is_closed = False
        self._has_audio = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._is_closed:
            raise StopIteration
        try:
            stream = self._opened()
            block = stream.read()
            self._check(block)
            if not block:
                raise StopIteration
        except BaseException:
            self._close()
            raise
        return block

    def __enter__(self) -> Self:
        if not self._is_closed:
            self._opened()
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the transfer, if it has not ended by itself, and with it the iteration. Later calls do nothing."""
        self._close()

    def copy_to(self, write: Callable[[bytes], object]) -> None:
        """Calls ``write`` with each block of the remaining audio as it is received.

        An async ``write`` is refused.
        """

        def take(block: bytes) -> None:
            self._check(block)
            refuse_awaitable("write", write(block))

        check_callback("write", write)
        if self._is_closed:
            return
        try:
            stream = self._opened()
            stream.copy_to(take)
            self._check(b"")
        finally:
            self._close()

    def _opened(self) -> ResponseStream:
        if self._stream is None:
            try:
                stream = self._client._open_tts_stream(  # pyright: ignore[reportPrivateUsage] - made for this namespace
                    self._payload.to_dict(), deadline_sec=self._deadline_sec
                )
                stream.response.raise_for_status()
            except BaseException:
                # A stream makes one request, also when that fails.
                self._is_closed = True
                raise
            self._stream = stream
            if self._is_closed:
                stream.close()  # Closed while it was being opened.
        return self._stream

    def _check(self, block: bytes) -> None:
        """Raises unless there is audio: looks at the first block, which is empty if nothing came."""
        if self._has_audio or self._is_closed or self._stream is None:
            return
        response = self._stream.response
        if not block:
            raise SonioxAPIError("the service sent no audio", response=response)
        # Neither the content type nor the first byte alone is proof; both together mean a proxy's HTML or JSON.
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in _NO_AUDIO and block.lstrip().startswith((b"<", b"{")):
            raise SonioxAPIError(f"the answer is {kind} and no audio", response=response)
        self._has_audio = True

    def _close(self) -> None:
        self._is_closed = True
        if self._stream is not None:
            self._stream.close()


def _ending_of(output: BinaryIO | os.PathLike[str] | str) -> str:
    """The extension of a path, such as ``.mp3``; empty for a stream."""
    if not isinstance(output, (str, os.PathLike)):
        return ""
    try:
        return os.path.splitext(os.fsdecode(output))[1].lower()
    except TypeError:
        return ""  # Opening the output raises the error.


def _payload(
    text: str, config: ConfigInput | None, language: str | None, arguments: dict[str, Any], ending: str
) -> CreateTtsPayload:
    """The whole request; what ``config`` sets wins over arguments, except over the language."""
    options: dict[str, Any] = {}
    if config is not None:
        config = CreateTtsConfig.of(config)
        options = {name: value for name in field_names(config) if (value := getattr(config, name)) is not None}
    fields: dict[str, Any] = {"language": _DEFAULT_LANGUAGE, **arguments, **options, "text": text}
    if language is not None:
        fields["language"] = language
    fitting = FORMATS_OF_ENDINGS.get(ending, ())
    if fields["audio_format"] is None:
        fields["audio_format"] = fitting[0] if fitting else _DEFAULT_FORMAT
    payload = CreateTtsPayload(**fields)
    if fitting and not fields["audio_format"].startswith(fitting):
        raise SonioxValidationError(
            f"output ends in {ending}, which does not fit audio_format={fields['audio_format']!r}"
        )
    warn_of_fields(CreateTtsConfig, options, ("model", "voice", "language"))
    flat = [name for name in ("audio_format", "sample_rate", "bitrate") if arguments[name] is not None]
    if flat:
        warn_deprecated(
            f"{', '.join(flat)} as arguments: the official SDK is going to take this in CreateTtsConfig only"
        )
    if language is None and "language" not in options:
        warn_deprecated(f"no language: the official SDK is going to require it; {_DEFAULT_LANGUAGE!r} is used")
    return payload
