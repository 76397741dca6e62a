"""Requests, responses and header fields as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .._data.json_values import items_of
from .._data.retry_after import parse_retry_after
from .._data.safe_repr import safe_repr
from ..errors import SonioxAPIError, SonioxDecodeError, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta
    from typing import Any

    from .body import Body

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Headers(Mapping[str, str]):
    """Header fields by case-insensitive name. The values of several fields with one name are joined with commas."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, tuple[str, str]] = {}
        for name, value in fields:
            earlier = self._fields.get(name.lower())
            self._fields[name.lower()] = (name, f"{earlier[1]}, {value}" if earlier else value)

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    @safe_repr
    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"


class Request:
    """One call to the service, as hooks see it.

    It does not hold the API key, which is added later, so that no hook, log or ``repr()`` can show it.

    Attributes:
        method: ``GET``, ``POST``, ``DELETE``, ...
        url: Absolute, with the query.
        headers: The header fields, without the key and those that the transport adds; a hook may add others.
        attempt: 1 for the first try, 2 for the first retry, ...
        doubtful: Whether an earlier attempt may have been processed, although no response confirmed it.
    """

    __slots__ = ("attempt", "body", "doubtful", "headers", "method", "url")

    def __init__(self, method: str, url: str, headers: dict[str, str], body: Body | None = None) -> None:
        self.method: str = method
        self.url: str = url
        self.headers: dict[str, str] = headers
        self.body: Body | None = body
        self.attempt: int = 1
        self.doubtful: bool = False

    def __reduce__(self) -> tuple[type[Request], tuple[str, str, dict[str, str]]]:
        # An error is pickled and copied with its request, but without the body, which may be a stream.
        return Request, (self.method, self.url, self.headers)

    @safe_repr
    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url} attempt={self.attempt}>"


class Response:
    """A response to a request.

    Attributes:
        status_code: HTTP status.
        headers: Case-insensitive mapping of the header fields.
        content: The body's bytes, decompressed; empty for audio that is streamed.
        request: The request; None if it is not known.
        elapsed_sec: Seconds from the start of the attempt to the last byte, or for streamed audio to the head.
        complete: False if an error response was cut off or too large, so that ``content`` is only its beginning.
        url: Where the response is from: the request's URL, or where a redirect has led; None if it is not known.
    """

    __slots__ = ("_fields", "_headers", "complete", "content", "elapsed_sec", "request", "status_code", "url")

    def __init__(
        self,
        status_code: int,
        headers: Iterable[tuple[str, str]] = (),
        content: bytes = b"",
        *,
        request: Request | None = None,
        elapsed_sec: float = 0.0,
        complete: bool = True,
        url: str | None = None,
    ) -> None:
        self.status_code: int = status_code
        self.content: bytes = content
        self.request: Request | None = request
        self.elapsed_sec: float = elapsed_sec
        self.complete: bool = complete
        self.url: str | None = request.url if url is None and request is not None else url
        self._fields = headers
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """The header fields; names in any case."""
        if self._headers is None:
            self._headers = Headers(self._fields)
        return self._headers

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return 400 <= self.status_code < 600

    @property
    def reason_phrase(self) -> str:
        """The standard name of the status, such as ``Not Found``; empty for a status without one."""
        from http.client import responses  # noqa: PLC0415 - loaded with the transport

        return responses.get(self.status_code, "")

    @property
    def elapsed(self) -> timedelta:
        """``elapsed_sec`` as a timedelta."""
        from datetime import timedelta  # noqa: PLC0415 - rarely asked for

        return timedelta(seconds=self.elapsed_sec)

    @property
    def text(self) -> str:
        """The body as UTF-8 text; invalid bytes are replaced."""
        return self.content.decode("utf-8", errors="replace")

    def json(self, **options: Any) -> Any:
        """The body as JSON, parsed at each call.

        Args:
            options: Those of ``json.loads``, such as ``parse_float``.

        Raises:
            SonioxDecodeError: The body is not JSON.
        """
        try:
            # Strictly UTF-8, with a byte order mark or without; json.loads would detect and accept other encodings.
            return json.loads(self.content.removeprefix(_BYTE_ORDER_MARK).decode("utf-8"), **options)
        except (ValueError, RecursionError) as error:
            raise SonioxDecodeError(f"the response is not JSON but {self.describe_body()}", response=self) from error

    def raise_for_status(self) -> Response:
        """This response, if its status is 2xx.

        Raises:
            SonioxAPIError: The status is another one; the subclass depends on it.
        """
        if not self.is_success:
            raise self.as_error()
        return self

    def as_error(self) -> SonioxAPIError:
        """The error that :meth:`raise_for_status` raises for a status other than 2xx."""
        from .error_responses import error_of  # noqa: PLC0415 - types are loaded when first needed

        return error_of(self)

    @property
    def retry_after_sec(self) -> float | None:
        """Seconds to wait according to the ``Retry-After`` header; None if it is missing or invalid."""
        return parse_retry_after(self.headers.get("Retry-After"))

    def describe_body(self) -> str:
        """The body's size, content type and beginning, for an error message."""
        if not self.content:
            return "an empty body"
        kind = self.headers.get("Content-Type", "unknown type").partition(";")[0].strip()
        start = " ".join(one_line(self.text[:200]).split())
        if start.lower().startswith(("<!doctype", "<html")):
            # The page of a proxy or a load balancer says less than its status.
            return f"{len(self.content)} bytes of {kind[:60]}: {self.reason_phrase}"
        return f"{len(self.content)} bytes of {kind[:60]}: {start[:100]!r}"

    @safe_repr
    def __repr__(self) -> str:
        return f"<Response {self.status_code} {len(self.content)} bytes>"


def build_query(params: Mapping[str, Any] | None) -> str:
    """The query string for these parameters, with its ``?``; empty without any.

    None is left out, a bool becomes ``true`` or ``false``, and a list or tuple one parameter for each item.
    """
    if not params:
        return ""
    from urllib.parse import urlencode  # noqa: PLC0415 - most calls have no query

    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        pairs += [
            (name, str(item).lower() if isinstance(item, bool) else str(item))
            for item in items_of(value)
            if item is not None
        ]
    return f"?{urlencode(pairs)}" if pairs else ""
