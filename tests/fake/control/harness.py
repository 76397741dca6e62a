"""A program's server in this process, and how to talk to its control API."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from soniox_lite import SonioxClient
from soniox_testing.control.standalone import Standalone

_JSON = {"Content-Type": "application/json"}


def ask(url, method, name, body=None, headers=None):
    """Sends a request to the control API of a fake, and returns the status and the body: bytes if it is no JSON."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    content = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    try:
        connection.request(method, f"{address.path}/__fake__/{name}", content, _JSON if headers is None else headers)
        response = connection.getresponse()
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.read()) if is_json else response.read()
    finally:
        connection.close()


def client_of(state, *, api_key="k"):
    """A client of the fake with this state, as ``GET state`` answers."""
    return SonioxClient(
        api_key, api_base_url=state["api_base_url"], websocket_base_url=state["stt_websocket_url"], max_retries=0
    )


class Control:
    """A standalone server, whose time stands still, and its root fake. Call it to ask the control API."""

    def __init__(self, options=None, **settings):
        self.server = Standalone({"clock": "virtual"} if options is None else options, **settings)

    def __call__(self, method, name, body=None, headers=None):
        return ask(self.server.fake.url, method, name, body, headers)

    def client(self, *, api_key="k"):
        """A client of the root fake."""
        return client_of(self("GET", "state")[1], api_key=api_key)

    def make(self, **options):
        """Makes a sub-fake, and returns its state."""
        status, state = self("POST", "fakes", options)
        assert status == 200, state
        return state
