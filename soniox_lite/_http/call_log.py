"""What is logged of requests: where to, status, time and request id. No query, no header, no body."""

from __future__ import annotations

from .._data.logs import DEBUG, INFO, is_logged, log
from ..errors import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import SonioxConnectionError, SonioxTimeoutError
    from .messages import Request, Response


def log_response(request: Request, response: Response) -> None:
    """Logs the response to an attempt, at DEBUG."""
    if is_logged(DEBUG):
        from .error_responses import parse_api_error  # noqa: PLC0415 - types are loaded when first needed

        error = parse_api_error(response) if response.is_error else None
        status = f"{response.status_code} {error.error_type or ''}".strip() if error else str(response.status_code)
        request_id = f", request id {error.request_id}" if error and error.request_id else ""
        log(
            DEBUG,
            "%s: %s after %.3f s%s",
            _shown(request),
            one_line(status),
            response.elapsed_sec,
            one_line(request_id),
        )


def log_error(request: Request, error: SonioxConnectionError | SonioxTimeoutError) -> None:
    """Logs that an attempt got no response, at DEBUG."""
    if is_logged(DEBUG):
        log(DEBUG, "%s: no response: %s", _shown(request), type(error).__name__)


def log_retry(request: Request, delay_sec: float) -> None:
    """Logs that another attempt follows, at INFO."""
    if is_logged(INFO):
        log(INFO, "%s: attempt %d follows in %.3f s", _shown(request), request.attempt + 1, delay_sec)


def _shown(request: Request) -> str:
    return f"{request.method} {request.url.partition('?')[0]}"
