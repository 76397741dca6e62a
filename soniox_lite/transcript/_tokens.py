"""Reading tokens: from any source, with checked times, spoken and translated ones apart."""

from __future__ import annotations

from copy import copy

from .._data.json_values import kind_of
from ..errors import SonioxValidationError
from ..types.common import Token
from ..types.realtime import TOKEN_TEXT_END, TOKEN_TEXT_FIN, RealtimeEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal, TypeVar

    from ..types.transcriptions import TranscriptionTranscript

    ValueT = TypeVar("ValueT")
    UtteranceEnd = Literal["end", "fin", "finished"]
    TokensInput = Iterable[Token | Mapping[str, Any]] | RealtimeEvent | TranscriptionTranscript | Mapping[str, Any]
else:
    # So that typing.get_type_hints() works on the records that use it.
    UtteranceEnd = str
MARKS: dict[str, UtteranceEnd] = {TOKEN_TEXT_END: "end", TOKEN_TEXT_FIN: "fin"}
# Three years, longer than any recording.
_MAX_MS = 100_000_000_000


def tokens_of(source: Any) -> Iterator[Token]:
    """The tokens that a source is or holds; dicts become tokens, and invalid times become None."""
    held = source.get("tokens") if is_mapping(source) else getattr(source, "tokens", source)
    if isinstance(held, (str, bytes)) or not hasattr(held, "__iter__"):
        raise SonioxValidationError(f"there are no tokens in {kind_of(source)}")
    for token in held:
        found = Token.from_dict(token) if is_mapping(token) else token
        if not isinstance(getattr(found, "text", None), str):
            raise SonioxValidationError(f"tokens must be tokens or dicts, got {kind_of(token)}")
        if not (is_time(found.start_ms) and is_time(found.end_ms)):
            # Decoding does not check the fields of tokens.
            found = copy(found)
            found.start_ms = found.start_ms if is_time(found.start_ms) else None
            found.end_ms = found.end_ms if is_time(found.end_ms) else None
        yield found


def is_time(value: object) -> bool:
    """Whether a value is None or a plausible number of milliseconds."""
    return value is None or (type(value) in (int, float) and -_MAX_MS < value < _MAX_MS)  # type: ignore[operator]


def is_mapping(value: object) -> bool:
    """Whether a value is a dict or behaves like one."""
    return isinstance(value, dict) or (hasattr(value, "keys") and hasattr(value, "__getitem__"))


def is_translation(token: Token) -> bool:
    """Whether a token is part of a translation; the others were spoken."""
    return token.translation_status == "translation"


def joined_text(tokens: Iterable[Token], *, translations: bool) -> str:
    """The text of the translated tokens, or of the spoken ones."""
    return "".join([token.text for token in tokens if is_translation(token) is translations])


def common_value(values: Iterable[ValueT]) -> ValueT | None:
    """The value if all are equal; None if they differ."""
    first, *others = values
    return first if all(other == first for other in others) else None


def time_span(tokens: Sequence[Token]) -> tuple[int | None, int | None]:
    """Start of the first and end of the last token that has a time, in milliseconds; None if none has."""
    start = next((token.start_ms for token in tokens if token.start_ms is not None), None)
    end = next((token.end_ms for token in reversed(tokens) if token.end_ms is not None), None)
    return start, end
