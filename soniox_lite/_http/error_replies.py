"""Which exception a response with an error status is."""

from __future__ import annotations

from .._data.decoding import decode
from ..errors import SonioxAPIError, error_class_for
from ..types.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .messages import Response


def error_of(response: Response) -> SonioxAPIError:
    """The error that a response stands for, of the class that its status and type call for.

    Args:
        response: One with a status other than 2xx. Its body may be anything: the documented error, a proxy's HTML page,
            nothing, half of something.
    """
    status = response.status_code
    api_error = parse_api_error(response)
    if api_error is not None:
        message = api_error.message
    elif 300 <= status < 400:
        message = "the service redirected to a place this request must not follow"
    else:
        message = f"the body is not a Soniox error but {response.describe_body()}"
    error_class = error_class_for(status, api_error.error_type if api_error is not None else None)
    return error_class(message, api_error=api_error, response=response)


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
