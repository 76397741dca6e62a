"""The error body of the REST API."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._codec import Reply, decode
from ..errors import SonioxAPIError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._http.messages import Response


@dataclass(repr=False, eq=False, kw_only=True)
class ApiErrorValidationError(Reply):
    """One field that the service found invalid.

    Attributes:
        error_type: The rule, such as ``missing`` or ``value_error``.
        location: Where, such as ``body.payload.model`` or ``query.limit``.
        message: The problem in words.
    """

    error_type: str
    location: str
    message: str


@dataclass(repr=False, eq=False, kw_only=True)
class ApiError(Reply):
    """The body of a reply with an error status.

    Attributes:
        status_code: The HTTP status.
        error_type: Machine-readable category, such as ``invalid_request``.
        message: The problem in words, which may change at any time.
        validation_errors: The fields at fault; empty where no field is.
        request_id: What Soniox support asks for; None when not given.
        more_info: URL of a page about the error; None when there is none.
    """

    status_code: int
    error_type: str
    message: str
    validation_errors: list[ApiErrorValidationError] = field(default_factory=list[ApiErrorValidationError])
    request_id: str | None = None
    more_info: str | None = None


def parse_api_error(response: Response) -> ApiError | None:
    """The error that a reply's body spells out; None where it is not JSON or not of either documented shape.

    The text-to-speech API writes ``error_code`` and ``error_message`` where the others write ``status_code`` and
    ``message``.
    """
    try:
        parsed: Any = response.json()
    except SonioxAPIError:
        return None
    if not isinstance(parsed, dict):
        return None
    body: dict[str, Any] = {"status_code": response.status_code, "error_type": "api_error", **parsed}
    for ours, theirs in (("status_code", "error_code"), ("message", "error_message")):
        if theirs in body:
            body[ours] = body.pop(theirs)
    try:
        return decode(ApiError, body)
    except SonioxAPIError:
        pass
    # Half of the documented shape is worth more than none: what is there and right is kept.
    message = body.get("message") or body.get("detail")
    if not isinstance(message, str):
        return None
    kept: dict[str, Any] = {"error_type": "api_error"}
    kept |= {name: body[name] for name in ("error_type", "request_id", "more_info") if isinstance(body.get(name), str)}
    return ApiError(status_code=response.status_code, message=message, **kept)
