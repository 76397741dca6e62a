"""Which function answers which request, and on whose behalf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..script.records import RequestRecord
from ..store.authentication import MAX_KEY_LENGTH, check_key
from ..store.keys import PREFIX
from ..wire.bodies import MASK, body_of, text_of_response
from ..wire.json_text import json_text
from ..wire.realtime_errors import RealtimeError
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from werkzeug.wrappers import Request

    from ..script.permissions import Permission
    from ..store.projects import Project
    from ..store.state import State


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
        return self.state.projects.of(self.api_key)


@dataclass(frozen=True)
class Route:
    """An operation of the API."""

    operation: str | None
    """Its ``operationId`` in the API's published document; None: the document does not list it."""
    method: str
    pattern: str
    """The path; a part in braces stands for any value."""
    answer: Callable[[Call], Response]
    permission: Permission | None = None
    """What a restricted key needs for it; None: nothing."""
    counted_as: str | None = None
    """With which operations it shares a number of requests per minute; None: it has no such limit."""
    opened_by: str | None = None
    """The type of temporary keys that open it, which streams audio and has errors of that kind; None: none do."""
    needs_key: bool = True
    """Whether a request has to bring an API key."""


@dataclass(frozen=True)
class RoutedRequest:
    """A request and the route that it is for."""

    request: Request
    route: Route | None
    """None: there is no such operation."""
    ids: Mapping[str, str]
    """The variable parts of the path, by the names in the route's pattern."""
    allowed: Sequence[str]
    """Without a route: the methods that the path takes."""
    at: str
    """When the request arrived: ISO-8601 UTC with ``Z``."""

    @property
    def operation(self) -> str | None:
        """The name of the operation; None: it has no name, or there is none."""
        return None if self.route is None else self.route.operation


ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""Headers of every answer where audio streams: web pages call that themselves, with temporary keys."""


def json_response(status_code: int, body: object) -> Response:
    """A response with a JSON body."""
    return Response(json_text(body).encode(), status_code, content_type="application/json")


def polled_response(body: object, *, moves_by_polls: bool) -> Response:
    """The response to a poll.

    Args:
        body: What was polled.
        moves_by_polls: Whether waiting is of no use: a client that heeds ``Retry-After`` polls again at once.
    """
    response = json_response(200, body)
    if moves_by_polls:
        response.headers["Retry-After"] = "0"
    return response


class Router:
    """Answers every request by its route, reports every failure in the API's error shape, and keeps records."""

    def __init__(self, state: State, routes: Iterable[Route]) -> None:
        self._state = state
        self._routes = [(route, route.pattern.split("/")) for route in routes]

    def route(self, request: Request) -> RoutedRequest:
        """Finds the route for a request."""
        at = self._state.clock.timestamp()
        parts = request.path.split("/")
        allowed: set[str] = set()
        for route, pattern in self._routes:
            ids = match_path(pattern, parts)
            if ids is None:
                continue
            if route.method == request.method:
                return RoutedRequest(request, route, ids, (), at)
            allowed.add(route.method)
        return RoutedRequest(request, None, {}, sorted(allowed), at)

    def respond(self, routed: RoutedRequest) -> Response:
        """The response to a request, which is recorded; never raises for an ``Exception``."""
        request = routed.request
        if routed.route is None:
            response = self.refuse(routed, _no_route(request, routed.allowed))
            if routed.allowed:
                response.headers["Allow"] = ", ".join(routed.allowed)
            return response
        try:
            response = self._answer(routed.route, request, routed.ids)
        except ApiError as refusal:
            return self.refuse(routed, refusal)
        except Exception as error:  # noqa: BLE001 - kept and raised when the fake stops; the client gets its 500
            self._state.remember_failure(error, f"answering {request.method} {request.path}")
            what = f"The fake server itself failed: {type(error).__name__}: {error}"
            return self.refuse(routed, ApiError(500, "internal_error", what))
        return self.record(routed, response)

    def refuse(self, routed: RoutedRequest, refusal: ApiError) -> Response:
        """The response to a request that is refused, which is recorded."""
        # An operation that streams audio has errors of another shape.
        if routed.route is None or routed.route.opened_by is None:
            response = json_response(refusal.status_code, refusal.body())
        else:
            request_id = routed.request.headers.get("X-Request-Id")
            response = json_response(refusal.status_code, refusal.stream_body(request_id))
            response.headers.update(ANY_ORIGIN)
        return self.record(routed, response, refusal.error_type)

    def record(self, routed: RoutedRequest, response: Response, error_type: str | None = None) -> Response:
        """Adds a request to ``state.history.requests``; returns its response."""
        request = routed.request
        record = RequestRecord(
            method=request.method,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            headers=_headers_without_key(request),
            status=response.status_code,
            error_type=error_type,
            at=routed.at,
            route=None if routed.route is None else routed.route.pattern,
            body=body_of(request),
            response=text_of_response(response),
        )
        with self._state.lock:
            self._state.history.add_request(record)
        return response

    def _answer(self, route: Route, request: Request, ids: Mapping[str, str]) -> Response:
        state = self._state
        if not route.needs_key:
            return route.answer(Call(request, state, "", ids))
        api_key = self._key_of(request) if route.opened_by is None else self._key_of_stream(request, route.opened_by)
        with state.lock:
            if route.permission is not None and not state.keys.may(api_key, route.permission):
                message = f"This API key does not have the permission {route.permission}."
                raise ApiError(403, "permission_denied", message)
            if route.counted_as is not None:
                project = state.keys.project_of(api_key)
                refusal = state.quotas.count("requests_per_minute", route.counted_as, project)
                if refusal is not None:
                    raise ApiError(429, "limit_exceeded", refusal)
        return route.answer(Call(request, state, api_key, ids))

    def _key_of_stream(self, request: Request, usage_type: str) -> str:
        """The API key, permanent or temporary, of a request that streams audio."""
        api_key = _bearer(request)
        if len(api_key) > MAX_KEY_LENGTH:
            raise ApiError(400, "invalid_request", f"An API key has at most {MAX_KEY_LENGTH} characters.")
        try:
            with self._state.lock:
                check_key(self._state, api_key, usage_type, self._state.clock.now_sec())
        except RealtimeError as refusal:
            raise ApiError(refusal.status_code, refusal.error_type, refusal.message) from refusal
        return api_key

    def _key_of(self, request: Request) -> str:
        """The permanent API key a request came with."""
        api_key = _bearer(request)
        if api_key.startswith(PREFIX):
            raise _unauthenticated("A temporary API key opens streams only; this operation needs a permanent one.")
        known = self._state.keys.permanent
        if known is not None and api_key not in known:
            raise _unauthenticated("Incorrect API key provided.")
        return api_key


def _bearer(request: Request) -> str:
    """The key in the header of a request."""
    header = request.headers.get("Authorization")
    if header is None:
        raise _unauthenticated("The request has no Authorization header.")
    scheme, _, api_key = header.partition(" ")
    api_key = api_key.strip()
    if scheme.lower() != "bearer" or not api_key:
        raise _unauthenticated("The Authorization header must read: Bearer, a space, the API key.")
    return api_key


def _unauthenticated(message: str) -> ApiError:
    return ApiError(401, "unauthenticated", message)


def _no_route(request: Request, allowed: Sequence[str]) -> ApiError:
    if not allowed:
        hint = ""
        if request.path.startswith("/v1/v1/"):
            hint = " It has /v1 twice: this client adds it to its base URL."
        elif not request.path.startswith("/v1/"):
            hint = " The REST API is below /v1, which the base URL of the official SDK for Python ends with."
        return ApiError(404, "not_found", f"There is nothing at {request.path}.{hint}")
    message = f"{request.path} takes {', '.join(allowed)}, not {request.method}."
    return ApiError(405, "method_not_allowed", message)


def _headers_without_key(request: Request) -> dict[str, str]:
    """The headers of a request by their names in lower case, without its API key."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if "authorization" in headers:
        # Whatever is not a known form may be the key itself.
        scheme = headers["authorization"].partition(" ")[0]
        headers["authorization"] = f"{scheme} {MASK}" if scheme.lower() == "bearer" else MASK
    return headers


def match_path(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
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
