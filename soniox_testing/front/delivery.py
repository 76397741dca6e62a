"""Applies the faults of HTTP: between the port and the API, and between the port and the WebSockets."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..net.exchange import Delivery
from ..rest.router import json_response
from ..script.effects import FaultyRequest
from ..wire.bodies import read_small_body

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from ..net.exchange import Upgrade
    from ..rest.router import Router
    from ..store.state import State
    from ..wire.rest_errors import ApiError


class FaultyApi:
    """The API with its faults.

    Args:
        state: Of the fake.
        router: The API without them.
    """

    def __init__(self, state: State, router: Router) -> None:
        self._state = state
        self._router = router

    def respond(self, request: Request) -> Delivery:
        """The response to a request, and how it is sent."""
        state, router = self._state, self._router
        routed = router.route(request)
        effect = state.faults.take_for_request(routed.operation)
        if effect is None:
            return Delivery(router.respond(routed))
        if effect.refuses:
            read_small_body(request)
        respond, refuse, record = (partial(act, routed) for act in (router.respond, router.refuse, router.record))
        return effect.apply(FaultyRequest(request, respond, refuse, record, state.clock, state.stopping))


def refuse_upgrade(state: State, upgrade: Upgrade, operation: str) -> bool:
    """Applies the fault of a request for a WebSocket, if there is one.

    Returns:
        Whether there was one: then the WebSocket is not opened.
    """
    effect = state.faults.take_for_upgrade(operation)
    if effect is None:
        return False
    faulty = FaultyRequest(None, Response, _refusal, lambda response: response, state.clock, state.stopping)
    delivery = effect.apply(faulty)
    response = delivery.response
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in response.headers.items())]
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    with contextlib.suppress(OSError):
        if delivery.send is None:
            upgrade.line.sendall(head + response.get_data())
        else:
            delivery.send(upgrade.line, head, b"")
    return True


def _refusal(error: ApiError) -> Response:
    return json_response(error.status_code, error.body())
