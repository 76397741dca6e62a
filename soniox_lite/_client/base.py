"""What the sync and the async client share: settings, options, pickling and one transport for all copies."""

from __future__ import annotations

from importlib import import_module

from .._data.clock import time
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from .._settings import Settings
from ..errors import SonioxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    import urllib.request
    from collections.abc import Callable
    from typing import Any, TypedDict, TypeVar

    from typing_extensions import Self, Unpack

    from .._http.async_transport import AsyncTransport
    from .._http.messages import Request, Response
    from .._http.transport import Transport

    class ClientOptions(TypedDict, total=False):
        """What ``with_options`` can change."""

        timeout_sec: float
        connect_timeout_sec: float
        max_retries: int
        on_request: Callable[[Request], object] | None
        on_response: Callable[[Response], object] | None

    ResultT = TypeVar("ResultT")
    TransportT = TypeVar("TransportT", Transport, AsyncTransport)


class BaseClient:
    """A client without its namespaces. Subclasses say where their requests are sent, and whether hooks are awaited."""

    _exchange_module: str
    _awaits_hooks: bool

    def __init__(
        self,
        api_key: str | None = None,
        *,
        api_base_url: str | None = None,
        websocket_base_url: str | None = None,
        tts_api_base_url: str | None = None,
        tts_websocket_base_url: str | None = None,
        region: str | None = None,
        base_domain: str | None = None,
        timeout_sec: float | None = None,
        connect_timeout_sec: float | None = None,
        max_retries: int | None = None,
        ssl_context: ssl.SSLContext | None = None,
        opener: urllib.request.OpenerDirector | None = None,
        on_request: Callable[[Request], object] | None = None,
        on_response: Callable[[Response], object] | None = None,
        webhook_secret: str | None = None,
        webhook_signature_header: str | None = None,
    ) -> None:
        """Each setting is taken from its argument, else from its environment variable, else from its default.

        Args:
            api_key: The secret (``SONIOX_API_KEY``); surrounding white space is dropped.
            api_base_url: REST base URL including ``/v1`` (``SONIOX_API_BASE_URL``); None for the region's.
            websocket_base_url: URL of realtime speech-to-text (``SONIOX_WS_URL``); None for the region's.
            tts_api_base_url: REST base URL of text-to-speech (``SONIOX_TTS_API_URL``); None for the region's.
            tts_websocket_base_url: URL of realtime text-to-speech (``SONIOX_TTS_WS_URL``); None for the region's.
            region: ``us``, ``eu``, ``jp``, ... (``SONIOX_REGION``); None for ``us``. A key works in its region only.
            base_domain: Domain of all hosts, such as ``eu.soniox.com`` (``SONIOX_BASE_DOMAIN``); wins over ``region``.
            timeout_sec: The longest silence within a request: to send a block, to get the first byte of the reply, and
                then the next. A reply slower than 1 KiB/s beyond that is given up too. None for 30.
            connect_timeout_sec: The longest time to reach the server, proxy and TLS included, at most ``timeout_sec``;
                None for 10. Name resolution has the system's own limits.
            max_retries: Attempts beyond the first, where repeating is safe; None for 2.
            ssl_context: For TLS; None for the system's certificates, or those of ``SSL_CERT_FILE``.
            opener: A urllib opener to send everything through, with its own handlers for proxies and the like. It
                opens a connection for each request. None for one that keeps connections and takes proxies from the
                environment.
            on_request: Called with the :class:`Request` before each attempt; may add headers. The async client awaits
                hooks that are coroutine functions; the sync one refuses them.
            on_response: Called with the :class:`Response` after each attempt that got one; as ``on_request``.
            webhook_secret: What verifies webhooks (``SONIOX_API_WEBHOOK_SECRET``); None for nothing.
            webhook_signature_header: The header that carries it (``SONIOX_API_WEBHOOK_HEADER``); None for
                ``X-Soniox-Webhook-Secret``.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self._settings = Settings(
            api_key=api_key,
            region=region,
            base_domain=base_domain,
            api_base_url=api_base_url,
            websocket_base_url=websocket_base_url,
            tts_api_base_url=tts_api_base_url,
            tts_websocket_base_url=tts_websocket_base_url,
            timeout_sec=timeout_sec,
            connect_timeout_sec=connect_timeout_sec,
            max_retries=max_retries,
            on_request=on_request,
            on_response=on_response,
            webhook_secret=webhook_secret,
            webhook_signature_header=webhook_signature_header,
            awaits_hooks=self._awaits_hooks,
        )
        with FieldErrors("the client's set-up") as check:
            if ssl_context is not None and not hasattr(ssl_context, "wrap_socket"):
                check.add("ssl_context", "must be an ssl.SSLContext", ssl_context)
            if opener is not None and not callable(getattr(opener, "open", None)):
                check.add("opener", "must be a urllib opener", opener)
        # Kept for pickling. A context or opener that cannot be pickled raises its own error then.
        self._network = {"ssl_context": ssl_context, "opener": opener}
        # A copy made by with_options shares the transport and must not close it.
        self._owns_transport = True
        # Shared with copies. Holds the transport once REST is used, or None if the client was closed before that.
        self._shared: dict[str, Any] = {}

    def _for_rest(self) -> Self:
        """This client. Imports what a request needs now, so that the first request does not wait for it."""
        import_module(".._http.requests", __package__)
        import_module(self._exchange_module, __package__)
        import_module(".._data.times", __package__)
        return self

    def _share_transport(self, transport: TransportT) -> TransportT:
        """The one transport that this client shares with its copies: ``transport``, unless they already have one.

        Raises:
            SonioxError: The client is closed.
        """
        shared: TransportT | None = self._shared.setdefault("transport", transport)
        if shared is None:
            raise SonioxError("this client is closed")
        return shared

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """A copy with other options that shares this client's connections. Closing the copy leaves them open.

        Args:
            options: Any of ``timeout_sec``, ``connect_timeout_sec``, ``max_retries``, ``on_request`` and
                ``on_response``, as for the constructor.

        Raises:
            SonioxValidationError: There is no such option, or its value cannot be used.
        """
        copy = type(self).__new__(type(self))
        for name in ("_network", "_shared"):
            setattr(copy, name, getattr(self, name))
        copy._settings = self._settings.changed(dict(options))
        copy._owns_transport = False
        return copy

    def _in_worker(self, function: Callable[..., ResultT]) -> Callable[..., ResultT]:
        """``function`` for the workers of an executor, which call it with a client of their own."""
        from .worker import in_worker  # noqa: PLC0415 - few programs use executors

        return in_worker(self, function)

    def __getstate__(self) -> dict[str, Any]:
        return {"_settings": self._settings, "_network": self._network}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _owns_transport=True, _shared={})

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.api_base_url}>"


def deadline_after(deadline_sec: float | None) -> float | None:
    """The monotonic time at which a call must have ended; None for no limit.

    Raises:
        SonioxValidationError: ``deadline_sec`` is not a positive number of seconds, or more than a year.
    """
    if deadline_sec is None:
        return None
    with FieldErrors("the request") as check:
        check.seconds("deadline_sec", deadline_sec, maximum=31_536_000)
    return time.monotonic() + deadline_sec
