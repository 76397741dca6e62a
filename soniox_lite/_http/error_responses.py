"""Which exception a response with an error status, or trailers that report an error, stands for."""

from __future__ import annotations

from .._data.decoding import decode
from .._net.redaction import redact
from ..errors import SonioxAPIError, error_class_for
from ..types.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .messages import Response

_STATUSES = frozenset(map(str, range(400, 600)))
_TRAILER_FIELDS = ("error_code", "error_type", "error_message", "request_id")


def error_of(response: Response) -> SonioxAPIError:
    """The error for a response, of the class that belongs to its status and error type.

    Args:
        response: Has a status other than 2xx. The body may be anything: the documented error, a proxy's HTML page,
            empty, cut off.
    """
    status = response.status_code
    api_error = parse_api_error(response)
    if api_error is not None:
        message = api_error.message
    elif 300 <= status < 400:
        message = "the service redirected to a URL that this request must not follow"
    else:
        message = f"the body is not a Soniox error but {response.describe_body()}"
    error_class = error_class_for(status, api_error.error_type if api_error is not None else None)
    return error_class(message, api_error=api_error, response=response)


def parse_api_error(response: Response) -> ApiError | None:
    """The error in a response's body; None if the body is not JSON, or has neither documented shape.

    The text-to-speech API names the fields ``error_code`` and ``error_message``, the others ``status_code`` and
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
    # Part of the documented shape: the fields that are present and valid are kept.
    message = body.get("message") or body.get("detail")
    if not isinstance(message, str):
        return None
    kept: dict[str, Any] = {"error_type": "api_error"}
    kept |= {name: body[name] for name in ("error_type", "request_id", "more_info") if isinstance(body.get(name), str)}
    return ApiError(status_code=response.status_code, message=message, **kept)


def error_of_trailers(trailers: Iterable[tuple[str, str]], authorization: str) -> SonioxAPIError | None:
    """The error that the service reports after a body, when the status has been sent long before; None without one.

    The service documents that it sends trailers for late errors, but not their names: every name that ends like a field
    of an error counts, whatever its case and with hyphens or underscores.
    """
    found: dict[str, str] = {}
    for name, value in trailers:
        plain = name.lower().replace("-", "_")
        for field in _TRAILER_FIELDS:
            if plain.endswith(field):
                found[field] = redact(value, authorization)
    if not found.keys() - {"request_id"}:
        return None
    code = found.get("error_code", "")
    error = ApiError(
        status_code=int(code) if code in _STATUSES else 500,
        error_type=found.get("error_type") or "api_error",
        message=found.get("error_message") or "the service failed while it sent the response",
        request_id=found.get("request_id"),
    )
    # Without the response, whose status is 200.
    return error_class_for(error.status_code, error.error_type)(error.message, api_error=error)
