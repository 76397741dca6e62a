"""Proxies from the environment or the system's settings, and tunnels through them (CONNECT)."""

from __future__ import annotations

import base64
import os
import re
import sys
from urllib.parse import unquote_to_bytes

from .response_heads import read_response_head
from .tcp import remaining_sec

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from ipaddress import IPv4Address, IPv6Address

_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+(?:%[\w.~-]+)?)\]|(?P<name>[^\s\[\]:@\\]+))(?::(?P<port>\d{0,5}))?")
# Of the reason phrase of a refusal, in messages.
_MAX_REASON_LENGTH = 200
# A shorter secret may also be part of an ordinary word, so only whole words are replaced.
_MIN_SECRET_LENGTH = 8


class ProxyError(ConnectionError):
    """A proxy that cannot be used, or refuses a tunnel. The text holds no credentials.

    Attributes:
        status: The status of the proxy's response; None without a response.
    """

    def __init__(self, problem: str, status: int | None = None) -> None:
        super().__init__(problem)
        self.status = status


class Proxy:
    """A proxy and the credentials for it.

    Attributes:
        host: Its name, or its address without brackets.
        port: Its port.
        secure: Whether the connection to it uses TLS.
        authorization: Value of the ``Proxy-Authorization`` header; None for none.
    """

    def __init__(self, url: str) -> None:
        """Reads ``http://user:password@host:port``. Every part except the host may be missing.

        User and password may be percent-encoded or plain; the last ``@`` ends them.

        Raises:
            ProxyError: It is not the URL of an HTTP proxy.
        """
        found = re.fullmatch(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:(.*)@)?(.*)", url.strip(), re.DOTALL)
        scheme, user, rest = found.groups() if found else ("", None, "")
        scheme = (scheme or "http").lower()
        if scheme.startswith("socks"):
            raise ProxyError(f"the proxy is a SOCKS proxy ({scheme}://): only http:// and https:// work")
        place = _HOST.fullmatch(re.split(r"[/?#]", rest, maxsplit=1)[0])
        port = int(place["port"] or _DEFAULT_PORTS.get(scheme, 0)) if place else 0
        if place is None or scheme not in _DEFAULT_PORTS or not 0 < port < 65536:
            # The value is not shown, since any part of it may be a password.
            raise ProxyError("the proxy is not an http:// or https:// URL")
        self.host: str = place["address"] or place["name"]
        self.port = port
        self.secure: bool = scheme == "https"
        self.authorization: str | None = None
        self._secrets: set[str] = set()
        if user:
            # The bytes of the environment variable, which need not be UTF-8.
            name, _, password = user.encode("utf-8", "surrogateescape").partition(b":")
            credentials = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
            token = base64.b64encode(credentials).decode()
            self.authorization = f"Basic {token}"
            plain = credentials.decode(errors="replace")
            self._secrets = {user, plain, *user.split(":", 1), *plain.split(":", 1), token} - {""}

    def without_secrets(self, text: str) -> str:
        """A text from the proxy, shortened, without the credentials and without unprintable characters."""
        text = "".join(character if character.isprintable() else " " for character in text)
        for secret in sorted(self._secrets, key=len, reverse=True):
            pattern = re.escape(secret)
            text = re.sub(pattern if len(secret) >= _MIN_SECRET_LENGTH else rf"(?<!\w){pattern}(?!\w)", "***", text)
        return text[:_MAX_REASON_LENGTH].strip()

    def _key(self) -> tuple[str, int, bool, str | None]:
        return self.host, self.port, self.secure, self.authorization

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return _joined(self.host, self.port)

    __repr__ = __str__


class Proxies:
    """The proxies that are configured when this is made; ``no_proxy`` is read at each look-up.

    Attributes:
        are_named: Whether any proxy is configured.
    """

    def __init__(self, proxy: str | None = None, *, trust_env: bool = True) -> None:
        """Reads the environment, unless ``proxy`` is given or ``trust_env`` is False.

        Args:
            proxy: The URL of the proxy for every host; None for those of the environment.
            trust_env: Whether the environment and the system may name proxies.
        """
        self._urls: dict[str, str] = {}
        self._are_the_systems = False
        self._has_exemptions = proxy is None
        if proxy is not None:
            self._urls = {"all": proxy}
        elif trust_env and may_have_proxies():
            import urllib.request  # noqa: PLC0415 - loaded before, and only if a proxy may be set

            self._urls = urllib.request.getproxies()
            self._are_the_systems = not urllib.request.getproxies_environment()
        self.are_named: bool = bool(self._urls)

    def find(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for a host; None for a direct connection.

        Args:
            scheme: ``http``, or ``https`` for connections with TLS.
            host: The server's name, or its address without brackets.
            port: The server's port.

        Raises:
            ProxyError: The proxy cannot be used.
        """
        url = self._urls.get(scheme) or self._urls.get("all")
        if not url:
            return None
        if not self._has_exemptions:
            return Proxy(url)
        if self._are_the_systems:
            import urllib.request  # noqa: PLC0415 - as above

            exempt = bool(urllib.request.proxy_bypass(_joined(host, port)))
        else:
            exempt = is_exempt(os.environ.get("no_proxy", os.environ.get("NO_PROXY", "")), host, port)
        return None if exempt else Proxy(url)


def may_have_proxies() -> bool:
    """Whether a proxy may be configured: by the environment, or on macOS and Windows by the system's settings."""
    return sys.platform in {"darwin", "win32"} or any(name.lower() in _VARIABLES for name in os.environ)


def is_exempt(no_proxy: str, host: str, port: int) -> bool:
    """Whether ``no_proxy`` excludes a host, so that it is connected to directly.

    Entries are separated by commas or spaces. A name matches itself and its subdomains, with or without a leading dot
    or ``*.``; an address, in brackets or not, matches itself; a block (``10.0.0.0/8``) matches all addresses in it. An
    entry with a port matches that port only. ``*`` matches every host.
    """
    host = host.lower().rstrip(".")
    address = _address_of(host)
    for entry in re.split(r"[\s,]+", no_proxy.lower()):
        if entry == "*":
            return True
        name, entry_port = _split_port(entry)
        name = name.removeprefix("*").strip(".")
        if not name or entry_port not in {"", str(port)}:
            continue
        if host == name or (_covers(name, address) if address is not None else host.endswith(f".{name}")):
            return True
    return False


def _split_port(entry: str) -> tuple[str, str]:
    """The name, address or block without brackets, and the port; the port is empty if there is none."""
    found = re.fullmatch(r"\[([^\]]*)\](/\d+)?(?::(\d+))?", entry)
    if found:
        return f"{found[1]}{found[2] or ''}", found[3] or ""
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""


def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    from ipaddress import IPv6Address, ip_address  # noqa: PLC0415 - only where there is a proxy

    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _covers(block: str, address: IPv4Address | IPv6Address) -> bool:
    from ipaddress import ip_network  # noqa: PLC0415 - as above

    try:
        return address in ip_network(block.partition("%")[0], strict=False)
    except ValueError:
        return False


def open_tunnel(sock: socket.socket, host: str, port: int, proxy: Proxy, deadline: float) -> None:
    """Opens a tunnel through a proxy with CONNECT.

    Args:
        sock: Connected to the proxy, with a timeout or none.
        host: The server's name, which the proxy resolves, or its address.
        port: The server's port.
        proxy: The proxy, with the credentials to send.
        deadline: When to give up, as ``time.monotonic()`` counts.

    Raises:
        ProxyError: The proxy refuses.
        OSError: There is no response, or it is not HTTP.
    """
    target = _joined(host if host.isascii() else host.encode("idna").decode(), port)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    sock.settimeout(remaining_sec(deadline))
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    response = read_response_head(sock, deadline, "the proxy")
    if not 200 <= response.status < 300:
        words = f"the proxy refused the tunnel to {target} with status {response.status}"
        raise ProxyError(f"{words} {proxy.without_secrets(response.reason)}".rstrip(), response.status)
    if response.rest:
        # TLS and HTTP servers do not send first: these bytes would be taken for the server's.
        raise ProxyError("the proxy sent more than its response to CONNECT")


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
