"""Which function answers which request, and on whose behalf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..json_text import json_text
from ..temporary_keys import PREFIX
from .errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from werkzeug.wrappers import Request

    from ..state import Project, State


@dataclass(frozen=True)
class Call:
    """One request to the API, after its key was checked."""

    request: Request
    state: State
    api_key: str
    ids: Mapping[str, str]
    """The variable parts of the path, by the names in the route's pattern."""

    @property
    def project(self) -> Project:
        """The project of the key. Hold ``state.lock`` while using it."""
        return self.state.project(self.api_key)


@dataclass(frozen=True)
class Route:
    """An operation of the API."""

    method: str
    pattern: str
    """The path; a part in braces stands for any value."""
    answer: Callable[[Call], Response]


def json_response(status_code: int, body: object) -> Response:
    """A response with a JSON body."""
    return Response(json_text(body).encode(), status_code, content_type="application/json")


class Router:
    """Answers every request with what its route says, and every failure in the API's error shape."""

    def __init__(self, state: State, routes: Iterable[Route]) -> None:
        self._state = state
        self._routes = [(route, route.pattern.split("/")) for route in routes]

    def respond(self, request: Request) -> Response:
        """The response to a request; never raises for an ``Exception``."""
        try:
            return self._dispatch(request)
        except ApiError as fault:
            return _fault_response(fault)
        except Exception as error:  # noqa: BLE001 - kept and raised when the fake stops; the client gets its 500
            self._state.remember_failure(error)
            what = f"The fake server itself failed: {type(error).__name__}: {error}"
            return _fault_response(ApiError(500, "internal_error", what))

    def _dispatch(self, request: Request) -> Response:
        parts = request.path.split("/")
        allowed: list[str] = []
        for route, pattern in self._routes:
            ids = _match(pattern, parts)
            if ids is None:
                continue
            if route.method == request.method:
                return route.answer(Call(request, self._state, self._key_of(request), ids))
            allowed.append(route.method)
        if not allowed:
            raise ApiError(404, "not_found", f"There is nothing at {request.path}.")
        message = f"{request.path} takes {', '.join(sorted(set(allowed)))}, not {request.method}."
        response = _fault_response(ApiError(405, "method_not_allowed", message))
        response.headers["Allow"] = ", ".join(sorted(set(allowed)))
        return response

    def _key_of(self, request: Request) -> str:
        """The permanent API key a request came with."""
        header = request.headers.get("Authorization")
        if header is None:
            raise _unauthenticated("The request has no Authorization header.")
        scheme, _, api_key = header.partition(" ")
        api_key = api_key.strip()
        if scheme.lower() != "bearer" or not api_key:
            raise _unauthenticated("The Authorization header must read: Bearer, a space, the API key.")
        if api_key.startswith(PREFIX):
            raise _unauthenticated("A temporary API key opens streams only; this operation needs a permanent one.")
        known = self._state.api_keys
        if known is not None and api_key not in known:
            raise _unauthenticated("The API key is not known.")
        return api_key


def _unauthenticated(message: str) -> ApiError:
    return ApiError(401, "unauthenticated", message)


def _fault_response(fault: ApiError) -> Response:
    return json_response(fault.status_code, fault.body())


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    """The variable parts of a path that fits a pattern; None when it does not fit."""
    if len(pattern) != len(parts):
        return None
    ids: dict[str, str] = {}
    for expected, found in zip(pattern, parts, strict=True):
        if expected.startswith("{") and found:
            ids[expected.strip("{}")] = found
        elif expected != found:
            return None
    return ids
