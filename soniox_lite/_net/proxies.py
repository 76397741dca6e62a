"""Proxies that the environment, or the system's settings, name; and tunnels through them."""

from __future__ import annotations

import base64
import os
import re
import sys
from urllib.parse import unquote_to_bytes

from .answers import read_answer
from .tcp import remaining_sec

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from ipaddress import IPv4Address, IPv6Address

_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+(?:%[\w.~-]+)?)\]|(?P<name>[^\s\[\]:@\\]+))(?::(?P<port>\d{0,5}))?")
# Of what a proxy says of its refusal.
_MAX_REASON_LENGTH = 200
# A shorter secret may be part of a word that has nothing to do with it.
_MIN_SECRET_LENGTH = 8


class ProxyError(ConnectionError):
    """A proxy that cannot be used, or refuses. Its text holds no credentials.

    Attributes:
        status: The status of the proxy's refusal; None where it gave none.
    """

    def __init__(self, problem: str, status: int | None = None) -> None:
        super().__init__(problem)
        self.status = status


class Proxy:
    """A proxy, and who we are to it.

    Attributes:
        host: Its name or address.
        port: Its port.
        secure: Whether it is spoken to over TLS.
        authorization: Value of the ``Proxy-Authorization`` header; None for none.
    """

    def __init__(self, url: str) -> None:
        """Reads ``http://user:password@host:port``. All but the host may be missing.

        User and password may be percent-encoded, or hold any character as it is; the last ``@`` ends them.

        Raises:
            ProxyError: It is no URL of a proxy that speaks HTTP.
        """
        found = re.fullmatch(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:(.*)@)?(.*)", url.strip(), re.DOTALL)
        scheme, user, rest = found.groups() if found else ("", None, "")
        scheme = (scheme or "http").lower()
        if scheme.startswith("socks"):
            raise ProxyError(f"the environment names a SOCKS proxy ({scheme}://): only http:// and https:// are spoken")
        place = _HOST.fullmatch(re.split(r"[/?#]", rest, maxsplit=1)[0])
        port = int(place["port"] or _DEFAULT_PORTS.get(scheme, 0)) if place else 0
        if place is None or scheme not in _DEFAULT_PORTS or not 0 < port < 65536:
            # Any part of it may be a password.
            raise ProxyError("the proxy that the environment names is not an http:// or https:// URL")
        self.host: str = place["address"] or place["name"]
        self.port = port
        self.secure = scheme == "https"
        self.authorization: str | None = None
        self._secrets: set[str] = set()
        if user:
            # As the bytes that they are in the environment, should they be no UTF-8.
            name, _, password = user.encode("utf-8", "surrogateescape").partition(b":")
            credentials = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
            token = base64.b64encode(credentials).decode()
            self.authorization = f"Basic {token}"
            plain = credentials.decode(errors="replace")
            self._secrets = {user, plain, *user.split(":", 1), *plain.split(":", 1), token} - {""}

    def without_secrets(self, text: str) -> str:
        """What the proxy says, without the credentials and without characters that are not shown."""
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
    """The proxies as they are named now; what they are not for is looked up each time.

    Attributes:
        are_named: Whether there is any.
    """

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}
        self._are_the_systems = False
        if may_have_proxies():
            import urllib.request  # noqa: PLC0415 - loaded before, and only if needed

            self._urls = urllib.request.getproxies()
            self._are_the_systems = not urllib.request.getproxies_environment()
        self.are_named = bool(self._urls)

    def find(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for a host; None to connect to it directly.

        Args:
            scheme: ``http``, or ``https`` where TLS is spoken.
            host: Its name, or its address without brackets.
            port: Its port.

        Raises:
            ProxyError: The proxy cannot be used.
        """
        url = self._urls.get(scheme) or self._urls.get("all")
        if not url:
            return None
        if self._are_the_systems:
            import urllib.request  # noqa: PLC0415 - as above

            exempt = bool(urllib.request.proxy_bypass(_joined(host, port)))
        else:
            exempt = is_exempt(os.environ.get("no_proxy", os.environ.get("NO_PROXY", "")), host, port)
        return None if exempt else Proxy(url)


def may_have_proxies() -> bool:
    """Whether the environment, or the system's settings where there are any, may name a proxy."""
    return sys.platform in {"darwin", "win32"} or any(name.lower() in _VARIABLES for name in os.environ)


def is_exempt(no_proxy: str, host: str, port: int) -> bool:
    """Whether ``no_proxy`` says that a host is connected to directly.

    Its entries stand between commas or spaces: a name stands for itself and all below it, with or without a dot (or
    ``*.``) in front; an address, in brackets or not, for itself; a block (``10.0.0.0/8``) for all in it; each of them
    with a port for that port only; ``*`` for everything.
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
    """A name, address or block without brackets, and the port behind it; empty for none."""
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
    """Has a proxy pass on what is sent and received from here on.

    Args:
        sock: Connected to the proxy, with a timeout or none.
        host: Where to; the proxy looks the name up.
        port: Where to.
        proxy: Whose credentials are sent.
        deadline: When to give up, as ``time.monotonic()`` counts.

    Raises:
        ProxyError: It refuses.
        OSError: It does not answer, or not in HTTP.
    """
    target = _joined(host if host.isascii() else host.encode("idna").decode(), port)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    sock.settimeout(remaining_sec(deadline))
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = read_answer(sock, deadline, "the proxy")
    if not 200 <= answer.status < 300:
        words = f"the proxy refused the tunnel to {target} with status {answer.status}"
        raise ProxyError(f"{words} {proxy.without_secrets(answer.reason)}".rstrip(), answer.status)
    if answer.rest:
        # The server behind it does not speak first; this would pass for its answer.
        raise ProxyError("the proxy sent more than its answer to CONNECT")


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
