"""What a test expects to be requested within a block."""

from __future__ import annotations

import difflib
import itertools
import json
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from ..script.telling import listed, plain, request_line, shown
from .router import match_path
from .routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from typing_extensions import Self

    from ..script.records import RequestRecord
    from ..store.state import State


class Expectation:
    """What ``fake.expect`` expects until the end of its ``with`` block.

    Args:
        method: In capitals.
        path: Without query; variable parts may be names in braces.
        times: How often exactly; None: at least once.
        wanted: ``status``, or parts of ``body``, ``query`` and ``headers``.
        state: Of the fake.

    Raises:
        ValueError: The API has no such operation, or ``times`` is negative.
    """

    def __init__(
        self,
        method: str,
        path: str,
        times: int | None,
        wanted: Mapping[str, object],
        state: State,
    ) -> None:
        _check_operation(method, path)
        if times is not None and times < 0:
            raise ValueError(f"nothing can be requested {times} times")
        self._method = method
        self._path = path
        self._times = times
        self._wanted = wanted
        self._state = state
        self._answered_before = 0

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The requests of the block, so far, that are as expected; in the order they were answered."""
        return tuple(request for request in self._in_block() if self._is_meant(request) and not self._missing(request))

    def __enter__(self) -> Self:
        with self._state.lock:
            self._answered_before = self._state.history.answered
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        count = len(self.requests)
        if exc_type is None and (count != self._times if self._times is not None else not count):
            raise AssertionError(self._failure(count))

    def _in_block(self) -> list[RequestRecord]:
        with self._state.lock:
            history = self._state.history
            latest_first = itertools.islice(reversed(history.requests), history.answered - self._answered_before)
            return list(latest_first)[::-1]

    def _is_meant(self, request: RequestRecord) -> bool:
        return request.method == self._method and self._path in {request.path, request.route}

    def _missing(self, request: RequestRecord) -> list[str]:
        """What a request lacks of what is wanted, in lines."""
        found = {
            "status": request.status,
            "body": _json_of(request.body),
            "query": dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True)),
            "headers": request.headers,
        }
        return [line for name, value in self._wanted.items() for line in _differences(name, value, found[name])]

    def _failure(self, count: int) -> str:
        often = "at least once" if self._times is None else f"{self._times} time(s)"
        details = ", ".join(f"{name}={shown(value)}" for name, value in self._wanted.items())
        lines: list[str] = []
        for request in self._in_block():
            lines.append(request_line(request))
            if self._is_meant(request):
                lines += [f"  {line}" for line in self._missing(request)]
        return (
            f"{self._method} {self._path}{f' with {details}' if details else ''} should have been requested {often} "
            f"in this block, but was {count} time(s). {listed('Requests in this block', lines)}"
        )


def _check_operation(method: str, path: str) -> None:
    known = [f"{route.method} {route.pattern}" for route in ROUTES if route.operation is not None]
    if not any(
        route.method == method
        and (
            path == route.pattern if "{" in path else match_path(route.pattern.split("/"), path.split("/")) is not None
        )
        for route in ROUTES
    ):
        near = difflib.get_close_matches(f"{method} {path}", known, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ValueError(f"the API has no {method} {path}; {meant} (assert_session and assert_spoken see WebSockets)")


def _json_of(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _differences(where: str, wanted: object, found: object) -> Iterator[str]:
    """In lines, what of the wanted parts is not there or different."""
    difference = f"{where}: expected {shown(wanted)}, was {shown(found)}"
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        yield from _differing_parts(
            where, cast("Mapping[object, object]", wanted), cast("Mapping[object, object]", found)
        )
    elif plain(wanted) != plain(found):
        yield difference


def _differing_parts(where: str, wanted: Mapping[object, object], parts: Mapping[object, object]) -> Iterator[str]:
    for name, value in wanted.items():
        # Names of headers are in lower case. Their values, and the parameters of a URL, are texts.
        key = str(name).lower() if where == "headers" else name
        is_number = where in ("headers", "query") and isinstance(value, (int, float))
        if key in parts:
            yield from _differences(f"{where}.{name}", str(value).lower() if is_number else value, parts[key])
        else:
            yield f"{where}.{name}: expected {shown(value)}, was absent"
