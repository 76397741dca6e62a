"""Types of the ``tts`` namespace."""

from __future__ import annotations

from .._data.records import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.rules import FieldErrors
    from .aliases import TtsAudioFormat, TtsBitrate, TtsSampleRate
    from .realtime_tts import RealtimeTTSConfig
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    TtsAudioFormat = str
    TtsBitrate = TtsSampleRate = int

# The service's schema names no unit; the service itself counts bytes of UTF-8.
MAX_TEXT_BYTES = 5000
_MAX_NAME_LENGTH = 50
# Extensions of files, and the formats that fit them; the first is the default.
_RAW = ("pcm_s16le", "pcm_")
FORMATS_OF_ENDINGS: dict[str, tuple[str, ...]] = {
    ".wav": ("wav",),
    ".mp3": ("mp3",),
    ".opus": ("opus",),
    ".ogg": ("opus",),
    ".flac": ("flac",),
    ".aac": ("aac",),
    ".pcm": _RAW,
    ".raw": _RAW,
}
SPEECH_NAMES = ("model", "language", "voice", "audio_format")


class _SpeechOptions(Payload):
    """The options of speech, without its text."""

    model: str | None = None
    language: str | None = None
    voice: str | None = None
    audio_format: TtsAudioFormat | str | None = None
    sample_rate: TtsSampleRate | int | None = None
    bitrate: TtsBitrate | int | None = None
    speed: float | None = None
    reduce_silence: bool | None = None

    def _check(self, check: FieldErrors) -> None:
        check_speech(check, self)


class CreateTtsConfig(_SpeechOptions):
    """How a text is spoken.

    Attributes:
        model: Text-to-speech model, at most 50 characters; None for the argument's.
        language: Code of the text's language; None for the argument's, which wins, or else ``en``.
        voice: Name of a built-in voice, case included, or the id of a cloned one; None for the argument's.
        audio_format: ``wav``, ``mp3``, ``opus``, ``flac``, ``aac``, ``pcm_s16le``, ... The service decides what it
            takes; None for the argument's, or else ``wav``.
        sample_rate: Samples a second, in Hz; None for the format's default.
        bitrate: Bits a second of compressed audio; None for the codec's default.
        speed: 0.7 to 1.3 times the normal pace; None for 1.0.
        reduce_silence: Whether to shorten pauses; not every model can.
    """


class CreateTtsPayload(_SpeechOptions):
    """The whole request for speech: the options of :class:`CreateTtsConfig`, and the text.

    ``model``, ``language``, ``voice``, ``audio_format`` and ``text`` must be given.

    Attributes:
        text: What to say, 1 to 5000 bytes in UTF-8.
        client_reference_id: Identifier in the usage logs, at most 256 characters; ignored with a temporary key.
    """

    _optional_fields = frozenset({"client_reference_id"})

    text: str | None = None
    client_reference_id: str | None = None

    def _check(self, check: FieldErrors) -> None:
        for name in (*SPEECH_NAMES, "text"):
            check.required(name, getattr(self, name))
        super()._check(check)
        check_spoken_text(check, self.text, min_length=1)
        check.text("client_reference_id", self.client_reference_id, max_length=256)


def check_spoken_text(check: FieldErrors, text: object, *, min_length: int = 0) -> None:
    """The rules for the text of one request or message: a string of at most 5000 bytes in UTF-8."""
    spoken = check.text("text", text, min_length=min_length)
    size = len((spoken or "").encode())
    if size > MAX_TEXT_BYTES:
        check.add("text", f"must be at most {MAX_TEXT_BYTES} bytes in UTF-8 (it has {size})", text)


def check_speech(check: FieldErrors, options: _SpeechOptions | RealtimeTTSConfig) -> None:
    """The rules for the options of speech, over REST and in realtime."""
    for name in SPEECH_NAMES:
        check.text(name, getattr(options, name), min_length=1, max_length=_MAX_NAME_LENGTH)
    # The service decides which of them can be combined; its table has grown before.
    check.integer("sample_rate", options.sample_rate, minimum=1, maximum=1_000_000)
    check.integer("bitrate", options.bitrate, minimum=1, maximum=100_000_000)
    check.number("speed", options.speed, minimum=0.7, maximum=1.3)
    check.boolean("reduce_silence", options.reduce_silence)
