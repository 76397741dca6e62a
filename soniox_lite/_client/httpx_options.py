"""What the official SDK passes on to httpx, and what takes its place here."""

from __future__ import annotations

from ..errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_httpx_options(names: Iterable[str]) -> None:
    """Refuses keywords that the constructor of a client does not have.

    Raises:
        SonioxValidationError: They are keywords of httpx; the message says what to use instead.
        TypeError: There is no such keyword in httpx either.
    """
    found = list(names)
    if not found:
        return
    instead = {
        "app": "soniox_testing has a fake server",
        "auth": "use api_key",
        "base_url": "use api_base_url",
        "cert": "use ssl_context, after its load_cert_chain",
        "cookies": "use default_headers, with a Cookie",
        "default_encoding": "the service sends UTF-8",
        "event_hooks": "use on_request, on_response and on_error",
        "follow_redirects": "redirects of GET are followed, without the key if they lead to another host",
        "headers": "use default_headers",
        "http1": "HTTP/1.1 is always used",
        "http2": "HTTP/1.1 is always used, over connections that are kept open",
        "limits": "up to 64 idle connections are kept for 30 seconds",
        "max_redirects": "at most five redirects are followed",
        "mounts": "use proxy or opener",
        "params": "use params of client.request",
        "proxies": "use proxy",
        "timeout": "use timeout_sec and connect_timeout_sec",
        "transport": "use opener, a urllib opener; for tests soniox_testing has a fake server",
    }
    unknown = [name for name in found if name not in instead]
    if unknown:
        raise TypeError(f"a client takes no keyword argument {unknown[0]!r}")
    advice = "; ".join(f"{name}: {instead[name]}" for name in found)
    raise SonioxValidationError(f"the client does not use httpx and its options ({advice})")


def check_proxy(url: str) -> None:
    """Checks the URL of a proxy.

    Raises:
        SonioxValidationError: It is not one that can be used. The message does not show it: it may have a password.
    """
    from .._net.proxies import Proxy, ProxyError  # noqa: PLC0415 - few clients are given a proxy

    try:
        Proxy(url)
    except ProxyError as error:
        raise SonioxValidationError(f"proxy cannot be used: {error}") from None
