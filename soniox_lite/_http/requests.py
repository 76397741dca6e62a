"""Making a Request from the arguments of a call."""

from __future__ import annotations

import contextlib

from .._data.callbacks import check_callback
from .._data.input_files import normalize_file
from .._data.json_values import items_of, kind_of, pairs_of
from .._data.rules import is_visible_ascii
from .._settings import Settings, user_agent
from ..errors import SonioxValidationError
from .body import Body, MultipartBody, form_body, json_body
from .messages import Request, build_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any, BinaryIO

    from .body import ProgressCallback


@contextlib.contextmanager
def request_from(
    settings: Settings,
    method: str,
    path: str,
    *,
    params: Mapping[str, Any] | None = None,
    json: Any | None = None,
    data: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    on_progress: ProgressCallback | None = None,
    base_url: str | None = None,
    accept: str = "application/json",
) -> Generator[Request, None, None]:
    """A context manager that gives the request, and at its end closes the files that it has opened.

    The arguments are those of :meth:`SonioxClient.request`; besides, ``base_url`` replaces the REST API's base URL, and
    ``accept`` is the value of the ``Accept`` header.

    Raises:
        SonioxValidationError: An argument cannot be sent.
    """
    for name, mapping in (("params", params), ("data", data), ("files", files)):
        if mapping is not None:
            _check_mapping(name, mapping)
    if on_progress is not None:
        check_callback("on_progress", on_progress)
    if not (isinstance(method, str) and method.isascii() and method.isalpha()):
        raise SonioxValidationError("method must be an HTTP method such as 'GET'")
    url = f"{base_url or settings.api_base_url}/{_checked_path(path).lstrip('/')}"
    query = build_query(params)
    url += query.replace("?", "&", 1) if "?" in path else query
    headers = {"Accept": accept, "User-agent": user_agent()}
    if settings.default_headers is not None:
        headers.update(settings.default_headers)
    opened: list[BinaryIO] = []
    try:
        body: Body | None = None
        if json is not None and (data is not None or files is not None):
            raise SonioxValidationError("json excludes data and files: a request has one body")
        if json is not None:
            body = json_body(json)
        elif files is not None:
            body = MultipartBody(data or {}, _parts(files, opened), on_progress)
        elif data is not None:
            body = form_body(data)
        yield Request(method.upper(), url, headers, body)
    finally:
        for stream in opened:
            stream.close()


def _parts(files: Mapping[str, Any], opened: list[BinaryIO]) -> dict[str, tuple[str, BinaryIO, str]]:
    """The files of a form, each with its name and content type. Those that are opened here are added to ``opened``."""
    parts: dict[str, tuple[str, BinaryIO, str]] = {}
    for name, value in files.items():
        filename, content, content_type = _file_tuple(name, value)
        stream, filename, should_close = normalize_file(content, filename)
        if should_close:
            opened.append(stream)
        parts[name] = (filename, stream, content_type)
    return parts


def _check_mapping(name: str, value: Any) -> None:
    if not hasattr(value, "items"):
        raise SonioxValidationError(f"{name} must be a dict, got {kind_of(value)}")
    try:
        for key, item in pairs_of(value):
            f"{key}{item if isinstance(item, str) else ''}".encode()
            if name == "files" and not isinstance(key, str):
                raise SonioxValidationError(f"files must have str names, got {kind_of(key)}")
    except UnicodeEncodeError:
        raise SonioxValidationError(f"{name} must be valid Unicode (it holds half of a surrogate pair)") from None


def _checked_path(path: str) -> str:
    # Other characters would end the request line or start a fragment.
    if not (isinstance(path, str) and is_visible_ascii(path) and "#" not in path and "\\" not in path):
        raise SonioxValidationError("path must be a str of printable ASCII; quote other characters")
    plain = path.partition("?")[0]
    if "://" in plain or plain.startswith("//"):
        raise SonioxValidationError("path must be below the API's base URL, not a URL of its own")
    if ".." in plain.split("/"):
        raise SonioxValidationError("path must not climb out of the API's base URL")
    return path


def _file_tuple(name: str, value: Any) -> tuple[str | None, Any, str]:
    """File name, content and content type from content, (name, content) or (name, content, type), as in httpx."""
    given: list[Any] = items_of(value) if isinstance(value, tuple) else [None, value]
    if len(given) not in {2, 3}:
        raise SonioxValidationError(f"files[{name!r}] must be (filename, content) or (filename, content, content_type)")
    filename, content, content_type = (*given, "application/octet-stream")[:3]
    if not isinstance(content_type, str) or not _is_mime_type(content_type):
        raise SonioxValidationError(f"files[{name!r}]: content_type must be a MIME type such as 'audio/wav'")
    return filename, content, content_type


def _is_mime_type(text: str) -> bool:
    # A line break would begin another header field.
    kind, _, rest = text.partition("/")
    return bool(kind and rest) and is_visible_ascii(kind) and rest.isascii() and rest.isprintable()
