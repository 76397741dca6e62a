"""Helpers of the namespaces, under the names and with the arguments that they have in the official SDK."""

from __future__ import annotations

from .._data.decoding import decode_response
from .._data.input_files import normalize_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    from .._data.records import ServiceObject
    from .._http.messages import Response
    from ..types.config_dicts import CreateTranscriptionConfigDict, CreateTtsConfigDict
    from ..types.transcriptions import CreateTranscriptionConfig, CreateTranscriptionPayload
    from ..types.tts import CreateTtsConfig, CreateTtsPayload

    ObjectT = TypeVar("ObjectT", bound=ServiceObject)

__all__ = [
    "build_create_payload",
    "build_translate_config",
    "build_tts_payload",
    "ensure_success",
    "normalize_file",
    "parse_async_response",
    "parse_response",
]


def ensure_success(response: Response) -> None:
    """Returns if the status is 2xx.

    Args:
        response: What ``client.request`` gave.

    Raises:
        SonioxAPIError: The status is another; its class tells which.
    """
    response.raise_for_status()


def parse_response(response: Response, model: type[ObjectT]) -> ObjectT:
    """The record in a reply, for endpoints that are called with ``client.request``.

    Args:
        response: What ``client.request`` gave.
        model: The type of the record, one of ``soniox_lite.types`` that the service sends.

    Raises:
        SonioxAPIError: The status is not 2xx, or the body is not JSON or not such a record.
    """
    return decode_response(model, response)


async def parse_async_response(response: Response, model: type[ObjectT]) -> ObjectT:
    """As :func:`parse_response`, to be awaited.

    Args:
        response: What ``client.request`` gave.
        model: The type of the record, one of ``soniox_lite.types`` that the service sends.

    Raises:
        SonioxAPIError: The status is not 2xx, or the body is not JSON or not such a record.
    """
    return decode_response(model, response)


def build_create_payload(
    *,
    model: str,
    file_id: str | None,
    audio_url: str | None,
    client_reference_id: str | None,
    config: CreateTranscriptionConfig | CreateTranscriptionConfigDict | Mapping[str, Any] | None,
) -> CreateTranscriptionPayload:
    """What ``stt.create`` sends for its arguments.

    Args:
        model: Async model.
        file_id: An uploaded file; or
        audio_url: http(s) URL that the service fetches. Exactly one of the two is needed.
        client_reference_id: Your own identifier, at most 256 characters.
        config: Options, which win over the arguments of the same name; None for none.

    Raises:
        SonioxValidationError: Something cannot be sent.
    """
    from .stt import _payload  # noqa: PLC0415  # pyright: ignore[reportPrivateUsage] - loaded only where jobs are created

    return _payload(model, client_reference_id, config, file_id=file_id, audio_url=audio_url)


def build_tts_payload(
    *,
    text: str,
    voice: str,
    model: str,
    config: CreateTtsConfig | CreateTtsConfigDict | Mapping[str, Any] | None,
    language: str | None = None,
    audio_format: str | None = None,
    sample_rate: int | None = None,
    bitrate: int | None = None,
) -> CreateTtsPayload:
    """What ``tts.generate`` sends for its arguments.

    Args:
        text: What to say, at most 5000 bytes in UTF-8.
        voice: Name of a built-in voice, or the id of a cloned one.
        model: Text-to-speech model.
        config: Options, which win over the arguments of the same name except ``language``; None for none.
        language: Code of the text's language; None for ``en``.
        audio_format: ``wav``, ``mp3``, ...; None for ``wav``.
        sample_rate: Samples a second, in Hz; None for the format's default.
        bitrate: Bits a second of compressed audio; None for the codec's default.

    Raises:
        SonioxValidationError: Something cannot be sent.
    """
    from .tts import _payload  # noqa: PLC0415  # pyright: ignore[reportPrivateUsage] - as above

    arguments = {
        "voice": voice,
        "model": model,
        "audio_format": audio_format,
        "sample_rate": sample_rate,
        "bitrate": bitrate,
    }
    return _payload(text, config, language, arguments, "")


def build_translate_config(
    *,
    to: str | None,
    source: str | None,
    between: tuple[str, str] | None,
    config: CreateTranscriptionConfig | CreateTranscriptionConfigDict | Mapping[str, Any] | None,
) -> CreateTranscriptionConfig:
    """What ``stt.translate`` makes of its arguments: a new configuration with a translation.

    Args:
        to: The language to translate into; or
        between: two languages, each to be translated into the other. Exactly one of the two is needed.
        source: The language that is spoken, only beside ``to``; None for any.
        config: Further options, without a translation; None for none.

    Raises:
        SonioxValidationError: The arguments do not go together, or one of them is not a language.
    """
    from .stt import _translating  # noqa: PLC0415  # pyright: ignore[reportPrivateUsage] - as above

    return _translating(config, to, source, between)
