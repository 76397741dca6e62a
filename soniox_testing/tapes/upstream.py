"""The service that a recording passes requests on to."""

from __future__ import annotations

import base64
import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from ..wire.loopback import is_loopback

if TYPE_CHECKING:
    import os

_CONNECT_SEC = 15.0
_ANSWER_SEC = 300.0
_API = "api."
_SERVICE = ".soniox.com"
_HOST_OF = {"/transcribe-websocket": "stt-rt.", "/tts-websocket": "tts-rt.", "/tts": "tts-rt."}
"""Paths that have a host of their own at the service."""


class Upstream:
    """Where requests are passed on to.

    Args:
        url: Base URL without a path, such as ``https://api.soniox.com``. For this host and those of the other regions,
            realtime and text-to-speech go to the hosts that the service has for them.
        ca_file: PEM file with the certificates to trust; None: those of the system.

    Raises:
        ValueError: It is no such URL, or ``http`` to another machine; or the file has no certificates.
        OSError: The file cannot be read.
    """

    def __init__(self, url: str, *, ca_file: str | os.PathLike[str] | None = None) -> None:
        parts = urlsplit(url)
        path = parts.path.rstrip("/")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username is not None:
            raise ValueError(f"the service's URL is like https://api.soniox.com, not {url.partition('?')[0]!r}")
        if path in {"/v1", "/v1/"}:
            raise ValueError("the service's URL is without /v1")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("keys go to other machines over https only")
        self.url: str = f"{parts.scheme}://{parts.netloc}{path}"
        """The base URL."""
        self._host = parts.hostname
        self._port = parts.port
        self._path = path
        try:
            self._tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        except ssl.SSLError as error:
            raise ValueError(f"{ca_file} has no certificates in PEM format: {error.reason}") from error
        except OSError as error:
            raise type(error)(error.errno, error.strerror, ca_file) from error

    def host_of(self, path: str) -> str:
        """The host for a path."""
        name = _HOST_OF.get(path)
        if name and self._host.startswith(_API) and self._host.endswith(_SERVICE):
            return name + self._host.removeprefix(_API)
        return self._host

    def header_of(self, path: str) -> str:
        """The value of the ``Host`` header for a path."""
        host = self.host_of(path)
        shown = f"[{host}]" if ":" in host else host
        return shown if self._port is None else f"{shown}:{self._port}"

    def target_of(self, path: str, query: str) -> str:
        """The target of a request."""
        return f"{self._path}{path}?{query}" if query else f"{self._path}{path}"

    def connect(self, path: str) -> http.client.HTTPConnection:
        """An open connection for a path. Certificates are checked; a proxy of the environment is used.

        Raises:
            OSError: There is none.
            http.client.HTTPException: The proxy's answer is not HTTP.
        """
        host = self.host_of(path)
        proxy = None if is_loopback(host) or proxy_bypass(host) else getproxies().get("https")
        if self._tls is None:
            connection = http.client.HTTPConnection(host, self._port, timeout=_CONNECT_SEC)
        elif proxy is None:
            connection = http.client.HTTPSConnection(host, self._port, timeout=_CONNECT_SEC, context=self._tls)
        else:
            via = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            credentials = f"{unquote(via.username or '')}:{unquote(via.password or '')}".encode()
            basic = {"Proxy-Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
            connection = http.client.HTTPSConnection(
                via.hostname or "", via.port or 8080, timeout=_CONNECT_SEC, context=self._tls
            )
            connection.set_tunnel(host, self._port or 443, basic if via.username else None)
        connection.connect()
        connection.sock.settimeout(_ANSWER_SEC)
        return connection
