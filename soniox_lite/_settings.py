"""The settings of a client: argument, else environment, else region, else default."""

from __future__ import annotations

import os
import re
import sys

from ._data.callbacks import broken_rule
from ._data.cancel_token import CancelToken
from ._data.json_values import kind_of
from ._data.retry_policy import RetryPolicy
from ._data.rules import FieldErrors, is_visible_ascii
from ._data.safe_repr import safe_repr
from ._data.urls import split_url
from ._version import __version__
from .errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    import urllib.request
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from typing_extensions import Self

    from ._http.messages import Request, Response
    from ._websocket.hook_events import WebSocketDisconnect, WebSocketHandshake
    from .client import AsyncSonioxClient, SonioxClient
    from .errors import SonioxConnectionError, SonioxTimeoutError
    from .types.config_dicts import RealtimeSTTConfigDict, RealtimeTTSConfigDict
    from .types.realtime import RealtimeSTTConfig
    from .types.realtime_tts import RealtimeTTSConfig

    # Called for each request and each realtime connection; the async client awaits a coroutine function.
    KeyFunction = Callable[[], str | Awaitable[str]]

DEFAULT_TIMEOUT_SEC = 30.0
DEFAULT_CONNECT_TIMEOUT_SEC = 10.0
# RFC 1035 labels, so that neither a path nor credentials nor another host can hide in a region or domain.
_REGION = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{_REGION}(?:\.{_REGION})*(?::([0-9]{{1,5}}))?"

# The environment variable of each URL, and its default for a domain.
_URLS = {
    "api_base_url": ("SONIOX_API_BASE_URL", "https://api.{}/v1"),
    "websocket_base_url": ("SONIOX_WS_URL", "wss://stt-rt.{}/transcribe-websocket"),
    "tts_api_base_url": ("SONIOX_TTS_API_URL", "https://tts-rt.{}"),
    "tts_websocket_base_url": ("SONIOX_TTS_WS_URL", "wss://tts-rt.{}/tts-websocket"),
}
HOOKS = ("on_request", "on_response", "on_error", "on_handshake", "on_disconnect")
_OPTIONS = frozenset(
    {"timeout_sec", "connect_timeout_sec", "max_retries", "retry", "default_headers", "cancel", *HOOKS}
)
# Set by the client itself, for each request or connection.
_OWN_HEADERS = frozenset({
    "authorization", "connection", "content-length", "content-type", "host", "sec-websocket-key",
    "sec-websocket-version", "transfer-encoding", "upgrade",
})  # fmt: skip


class _Hidden:
    """The secret settings. Without a ``__dict__``, so that no ``repr()``, log or dump of ``vars()`` shows them."""

    __slots__ = ("api_key", "default_headers", "proxy", "webhook_secret")

    def __init__(
        self,
        api_key: str | KeyFunction,
        default_headers: Mapping[str, str] | None,
        proxy: str | None,
        webhook_secret: str | None,
    ) -> None:
        self.api_key = api_key
        self.default_headers = default_headers
        self.proxy = proxy
        self.webhook_secret = webhook_secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]


class Settings:
    """The resolved settings of a client. Immutable; :meth:`changed` makes copies with other options.

    Attributes:
        api_key: The secret, or the function that gives it; neither in ``repr()`` nor in ``vars()``.
        key_function: The function that gives the key; None if the key is fixed.
        api_base_url: REST base with ``/v1``, without a slash at the end.
        websocket_base_url: Realtime speech-to-text, whole URL; its query may hold a secret.
        tts_api_base_url: Text-to-speech REST base, without a slash at the end.
        tts_websocket_base_url: Realtime text-to-speech, whole URL.
        timeout_sec: The longest time without progress in a request, in seconds.
        connect_timeout_sec: The longest time to connect, in seconds.
        retry: Which failed attempts are repeated, and when.
        max_retries: Attempts beyond the first.
        default_headers: Headers of all requests and handshakes, as urllib spells their names; hidden as the key is.
        cancel: What ends the calls; None without it.
        on_request: Called before each attempt.
        on_response: Called after each attempt that got a reply.
        on_error: Called after each attempt that got none.
        on_handshake: Called before each handshake of a realtime session.
        on_disconnect: Called when such a connection has ended, or could not be opened.
        stt_defaults: Fields of the configs of speech-to-text sessions; None for none.
        tts_defaults: Fields of the configs of text-to-speech streams; None for none.
        ssl_context: For TLS; None for one that is made from ``verify`` and ``trust_env``.
        verify: False to accept every certificate, or the path of those that are trusted; True for the system's.
        proxy: The proxy for everything, hidden as the key is; None for those of the environment.
        trust_env: Whether the environment may name proxies and certificates.
        opener: The user's own urllib opener; None for ours.
        webhook_secret: The secret of webhooks, hidden as the key is; None for that of the environment.
        webhook_signature_header: Name of the header that carries it; None for the default.
    """

    def __init__(
        self,
        *,
        api_key: str | KeyFunction | None,
        region: str | None,
        base_domain: str | None,
        api_base_url: str | None,
        websocket_base_url: str | None,
        tts_api_base_url: str | None,
        tts_websocket_base_url: str | None,
        timeout_sec: float | None,
        connect_timeout_sec: float | None,
        max_retries: int | None,
        retry: RetryPolicy | None,
        default_headers: Mapping[str, str] | None,
        on_request: Callable[[Request], object] | None,
        on_response: Callable[[Response], object] | None,
        on_error: Callable[[SonioxConnectionError | SonioxTimeoutError], object] | None,
        on_handshake: Callable[[WebSocketHandshake], object] | None,
        on_disconnect: Callable[[WebSocketDisconnect], object] | None,
        stt_defaults: RealtimeSTTConfig | RealtimeSTTConfigDict | Mapping[str, Any] | None,
        tts_defaults: RealtimeTTSConfig | RealtimeTTSConfigDict | Mapping[str, Any] | None,
        ssl_context: ssl.SSLContext | None,
        verify: ssl.SSLContext | os.PathLike[str] | str | bool,
        proxy: str | None,
        trust_env: bool,
        opener: urllib.request.OpenerDirector | None,
        webhook_secret: str | None,
        webhook_signature_header: str | None,
        awaits_hooks: bool,
    ) -> None:
        """Args are those of :class:`soniox_lite.SonioxClient`, and whether hooks may be coroutine functions.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self._hidden: _Hidden = _Hidden(resolve_api_key(api_key), default_headers, proxy, webhook_secret)
        self.key_function: KeyFunction | None = api_key if callable(api_key) else None
        domain = _resolve_domain(region, base_domain)
        self.api_base_url: str = _with_version(_resolve_url("api_base_url", api_base_url, domain))
        self.websocket_base_url: str = _resolve_url("websocket_base_url", websocket_base_url, domain)
        self.tts_api_base_url: str = _resolve_url("tts_api_base_url", tts_api_base_url, domain)
        self.tts_websocket_base_url: str = _resolve_url("tts_websocket_base_url", tts_websocket_base_url, domain)
        self.timeout_sec: float = DEFAULT_TIMEOUT_SEC if timeout_sec is None else timeout_sec
        # Each request takes the smaller of the two.
        self.connect_timeout_sec: float = (
            DEFAULT_CONNECT_TIMEOUT_SEC if connect_timeout_sec is None else connect_timeout_sec
        )
        self.retry: RetryPolicy = _checked_policy(retry)
        self.max_retries: int = self.retry.max_retries if max_retries is None else max_retries
        self.cancel: CancelToken | None = None
        self.on_request: Callable[[Request], object] | None = on_request
        self.on_response: Callable[[Response], object] | None = on_response
        self.on_error: Callable[[SonioxConnectionError | SonioxTimeoutError], object] | None = on_error
        self.on_handshake: Callable[[WebSocketHandshake], object] | None = on_handshake
        self.on_disconnect: Callable[[WebSocketDisconnect], object] | None = on_disconnect
        self.stt_defaults: RealtimeSTTConfig | RealtimeSTTConfigDict | Mapping[str, Any] | None = stt_defaults
        self.tts_defaults: RealtimeTTSConfig | RealtimeTTSConfigDict | Mapping[str, Any] | None = tts_defaults
        self.ssl_context: ssl.SSLContext | None = ssl_context
        self.verify: ssl.SSLContext | os.PathLike[str] | str | bool = verify
        self.trust_env: bool = trust_env
        self.opener: urllib.request.OpenerDirector | None = opener
        # The webhooks namespace reads their environment variables: it also works without a client.
        self.webhook_signature_header: str | None = webhook_signature_header
        self._awaits_hooks: bool = awaits_hooks
        self._check()

    def _check(self) -> None:
        with FieldErrors("the client's set-up") as check:
            for name in ("timeout_sec", "connect_timeout_sec"):
                if check.required(name, getattr(self, name)):
                    check.seconds(name, getattr(self, name))
            if check.required("max_retries", self.max_retries):
                check.integer("max_retries", self.max_retries, minimum=0, maximum=100)
            for name, function in ((name, getattr(self, name)) for name in (*HOOKS, "key_function")):
                rule = None if function is None else broken_rule(function, is_awaited=self._awaits_hooks)
                if rule is not None:
                    check.add("api_key" if name == "key_function" else name, rule, function)
            self._hidden.default_headers = checked_headers(check, self._hidden.default_headers)
            for name in ("stt_defaults", "tts_defaults"):
                defaults = getattr(self, name)
                if not (defaults is None or _is_config(defaults)):
                    check.add(name, "must be a config or a dict", defaults)
            self._check_network(check)
            if self.cancel is not None and (self._awaits_hooks or not isinstance(self.cancel, CancelToken)):
                rule = "is for SonioxClient: cancel the task" if self._awaits_hooks else "must be a CancelToken"
                check.add("cancel", rule, self.cancel)
            check.header_name("webhook_signature_header", self.webhook_signature_header)
            check.header_value("webhook_secret", None if self.webhook_secret == "" else self.webhook_secret)

    def _check_network(self, check: FieldErrors) -> None:
        if self.ssl_context is not None and not hasattr(self.ssl_context, "wrap_socket"):
            check.add("ssl_context", "must be an ssl.SSLContext", self.ssl_context)
        if self.opener is not None and not callable(getattr(self.opener, "open", None)):
            check.add("opener", "must be a urllib opener", self.opener)
        if hasattr(self.verify, "wrap_socket"):
            if self.ssl_context is not None:
                check.add("verify", "and ssl_context exclude each other", self.verify)
            self.ssl_context, self.verify = self.verify, True  # type: ignore[assignment]
        elif not isinstance(self.verify, (bool, str, os.PathLike)):
            check.add("verify", "must be a bool, a path of certificates or an ssl.SSLContext", self.verify)
        elif not isinstance(self.verify, bool) and not os.path.exists(self.verify):
            check.add("verify", "must be a file or folder that exists", self.verify)
        elif self.verify is not True and self.ssl_context is not None:
            check.add("verify", "and ssl_context exclude each other", self.verify)
        if self.proxy is not None and (not isinstance(self.proxy, str) or not self.proxy):
            check.add("proxy", "must be the URL of a proxy", self.proxy)
        check.boolean("trust_env", self.trust_env)
        if self.opener is not None and (self.proxy is not None or self.verify is not True or not self.trust_env):
            check.add("opener", "has its own proxies and certificates: it excludes proxy, verify and trust_env", None)

    def check_cancelled(self) -> None:
        """Raises SonioxCancelledError if ``cancel`` was cancelled."""
        if self.cancel is not None:
            self.cancel.check()

    def changed(self, options: dict[str, Any]) -> Self:
        """A copy with other values for some of the options that ``with_options`` takes.

        Raises:
            SonioxValidationError: There is no such option, or its value cannot be used.
        """
        unknown = options.keys() - _OPTIONS
        if unknown:
            raise SonioxValidationError(
                f"with_options does not take {', '.join(sorted(unknown))}; it takes {', '.join(sorted(_OPTIONS))}"
            )
        options = dict(options)
        if "retry" in options:
            policy = options["retry"] = _checked_policy(options["retry"])
            options.setdefault("max_retries", policy.max_retries)
        hidden = self._hidden
        headers = options.pop("default_headers", hidden.default_headers)
        copy = self._copy(_Hidden(hidden.api_key, headers, hidden.proxy, hidden.webhook_secret))
        vars(copy).update(options)
        copy._check()
        return copy

    def with_key(self, key: object) -> Self:
        """A copy with what the key's function has returned.

        Raises:
            SonioxValidationError: It cannot be a key.
        """
        hidden = self._hidden
        key = checked_key(key, "what the function api_key returns")
        return self._copy(_Hidden(key, hidden.default_headers, hidden.proxy, hidden.webhook_secret))

    def _copy(self, hidden: _Hidden) -> Self:
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self), _hidden=hidden)
        return copy

    @property
    def api_key(self) -> str | KeyFunction:
        return self._hidden.api_key

    @property
    def default_headers(self) -> Mapping[str, str] | None:
        return self._hidden.default_headers

    @property
    def proxy(self) -> str | None:
        return self._hidden.proxy

    @property
    def webhook_secret(self) -> str | None:
        return self._hidden.webhook_secret

    @property
    def authorization(self) -> str:
        """Value of the ``Authorization`` header. Only where the key is fixed."""
        return f"Bearer {self._hidden.api_key}"

    @safe_repr
    def __repr__(self) -> str:
        return f"<Settings {self.api_base_url}>"


def _checked_policy(retry: object) -> RetryPolicy:
    if retry is None:
        return RetryPolicy()
    if not isinstance(retry, RetryPolicy):
        raise SonioxValidationError(f"retry must be a RetryPolicy, got {kind_of(retry)}")
    return retry


def user_agent() -> str:
    """Value of the ``User-Agent`` header."""
    return f"soniox-lite/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"


def resolve_api_key(given: str | KeyFunction | None) -> str | KeyFunction:
    """The key or the function that is given, else the key of the environment.

    Raises:
        SonioxValidationError: There is no key, or it has characters that no key has.
    """
    if callable(given):
        return given
    key = _given_or_variable("api_key", given, "SONIOX_API_KEY")
    if not key.strip():
        raise SonioxValidationError(
            "no API key: give api_key=..., or set the environment variable SONIOX_API_KEY "
            "(keys are made at https://console.soniox.com)"
        )
    return checked_key(key, "api_key")


def checked_key(key: object, source: str) -> str:
    """A key without the white space around it.

    Args:
        key: From a caller, the environment or a function.
        source: What gave it, for the error.

    Raises:
        SonioxValidationError: It cannot be a key.
    """
    if not isinstance(key, str):
        raise SonioxValidationError(f"{source} must be a str, got {kind_of(key)}")
    # A key from a file or a secret store often ends in a line break.
    key = key.strip()
    # What an HTTP header can carry without being encoded or folded.
    if not key or not is_visible_ascii(key):
        raise SonioxValidationError(f"{source} must be printable ASCII without white space")
    return key


def checked_headers(check: FieldErrors, headers: Mapping[str, str] | None) -> dict[str, str] | None:
    """Headers of the user with their names as urllib spells them; None without any."""
    if headers is None:
        return None
    if not hasattr(headers, "items"):
        check.add("default_headers", "must be a dict", headers)
        return None
    for name, value in headers.items():
        field = f"default_headers[{name!r:.60}]"
        if str(name).lower() in _OWN_HEADERS:
            check.add(field, "must not be given: the client sets it itself", value)
        elif check.header_name(field, name) is not None and check.required(field, value):
            check.header_value(field, value, max_length=8192)
    return {str(name).capitalize(): value for name, value in headers.items()} or None


def _given_or_variable(name: str, given: str | None, variable: str) -> str:
    """An argument, or else an environment variable; an empty one counts as not given."""
    if given is not None and not isinstance(given, str):
        raise SonioxValidationError(f"{name} must be a str, got {kind_of(given)}")
    return given or os.environ.get(variable, "")


def _resolve_domain(region: str | None, base_domain: str | None) -> str:
    """The domain under which all hosts of a deployment are; ``us``, the default, has no part of its own."""
    domain = _given_or_variable("base_domain", base_domain, "SONIOX_BASE_DOMAIN")
    # The domain wins over the region, but not a variable over an argument.
    domain_counts = bool(base_domain or not region)
    region = _given_or_variable("region", region, "SONIOX_REGION").lower()
    if domain and domain_counts:
        found = re.fullmatch(_DOMAIN, domain)
        if found is None or (found[1] is not None and not 0 < int(found[1]) < 65536):
            raise SonioxValidationError("base_domain must be a domain such as 'eu.soniox.com'")
        return domain
    if not region:
        return "soniox.com"
    if not re.fullmatch(_REGION, region):
        raise SonioxValidationError("region must be a name such as 'us', 'eu' or 'jp'")
    return "soniox.com" if region == "us" else f"{region}.soniox.com"


def _resolve_url(name: str, given: str | None, domain: str) -> str:
    """The URL that is given, else that of the environment, else the default of the domain."""
    variable, default = _URLS[name]
    schemes = ("wss", "ws") if default.startswith("wss") else ("https", "http")
    url = _given_or_variable(name, given, variable) or default.format(domain)
    source = name if given else variable
    parts = split_url(url, schemes)
    if parts is None or not is_visible_ascii(url):
        raise SonioxValidationError(
            f"{source} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}"
        )
    if parts.username is not None or parts.password is not None or "#" in url:
        # Credentials in a URL end up in logs.
        raise SonioxValidationError(f"{source} must not have credentials or a fragment")
    if "?" not in url:
        return url.rstrip("/")
    if "wss" not in schemes:
        # It would end up in front of the path.
        raise SonioxValidationError(f"{source} must not have a query")
    return url


def _with_version(url: str) -> str:
    """The base of the REST API: a URL that does not end with a version gets ``/v1``.

    The official SDK for Python is given URLs with ``/v1``, that for Node URLs without it.
    """
    return url if re.search(r"/v[0-9]+$", url) else f"{url}/v1"


def with_defaults(defaults: Any, config: Any) -> Any:
    """A config, or a dict of its fields, completed by the client's defaults.

    Args:
        defaults: A config or a dict; None for none.
        config: As above. A field that is None, or of a config has the value of the class, counts as not given. Anything
            else is returned as it is, to be refused as without defaults.
    """
    if defaults is None or not _is_config(config):
        return config
    return {**_fields_of(defaults), **_fields_of(config)}


def _is_config(value: object) -> bool:
    return hasattr(value, "items") or hasattr(value, "to_dict")


def _fields_of(config: object) -> dict[str, Any]:
    pairs: Callable[[], Any] | None = getattr(config, "items", None)
    if pairs is not None:
        given: dict[str, Any] = dict(pairs())
        return {name: value for name, value in given.items() if value is not None}
    held: dict[str, Any] = vars(config)
    defaults: dict[str, Any] = {name: getattr(type(config), name, None) for name in held}
    return {name: value for name, value in held.items() if name[:1] != "_" and value not in (None, defaults[name])}


def settings_of(client: SonioxClient | AsyncSonioxClient) -> Settings:
    """The settings of a client, for its namespaces."""
    return client._settings  # pyright: ignore[reportPrivateUsage] - the namespaces are parts of the client
