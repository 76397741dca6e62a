"""The settings of a client: argument, else environment, else region, else default."""

from __future__ import annotations

import os
import re
import sys

from ._data.callbacks import broken_rule
from ._data.json_values import kind_of
from ._data.rules import FieldErrors, is_visible_ascii
from ._data.safe_repr import safe_repr
from ._data.urls import split_url
from ._version import __version__
from .errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Self

    from ._http.messages import Request, Response
    from .client import AsyncSonioxClient, SonioxClient

DEFAULT_TIMEOUT_SEC = 30.0
DEFAULT_CONNECT_TIMEOUT_SEC = 10.0
DEFAULT_MAX_RETRIES = 2

# RFC 1035 labels, so that neither a path nor credentials nor another host can hide in a region or domain.
_REGION = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"{_REGION}(?:\.{_REGION})*(?::([0-9]{{1,5}}))?"

_OPTIONS = frozenset({"timeout_sec", "connect_timeout_sec", "max_retries", "on_request", "on_response"})


class Settings:
    """The resolved settings of a client. Immutable; :meth:`changed` makes copies with other options.

    Attributes:
        api_key: The secret; not in ``repr()``.
        api_base_url: REST base with ``/v1``, without a slash at the end.
        websocket_base_url: Realtime speech-to-text, whole URL.
        tts_api_base_url: Text-to-speech REST base, without a slash at the end.
        tts_websocket_base_url: Realtime text-to-speech, whole URL.
        timeout_sec: The longest time without progress in a request, in seconds.
        connect_timeout_sec: The longest time to connect, in seconds.
        max_retries: Attempts beyond the first.
        on_request: Called before each attempt.
        on_response: Called after each attempt that got a reply.
        webhook_secret: The secret of webhooks; not in ``repr()``; None for that of the environment.
        webhook_signature_header: Name of the header that carries it; None for the default.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        region: str | None,
        base_domain: str | None,
        api_base_url: str | None,
        websocket_base_url: str | None,
        tts_api_base_url: str | None,
        tts_websocket_base_url: str | None,
        timeout_sec: float | None,
        connect_timeout_sec: float | None,
        max_retries: int | None,
        on_request: Callable[[Request], object] | None,
        on_response: Callable[[Response], object] | None,
        webhook_secret: str | None,
        webhook_signature_header: str | None,
        awaits_hooks: bool,
    ) -> None:
        """Args are those of :class:`soniox_lite.SonioxClient`, and whether hooks may be coroutine functions.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self.api_key = resolve_api_key(api_key)
        domain = _resolve_domain(region, base_domain)
        self.api_base_url = _resolve_url(
            "api_base_url", api_base_url, "SONIOX_API_BASE_URL", f"https://api.{domain}/v1", ("https", "http")
        )
        self.websocket_base_url = _resolve_url(
            "websocket_base_url",
            websocket_base_url,
            "SONIOX_WS_URL",
            f"wss://stt-rt.{domain}/transcribe-websocket",
            ("wss", "ws"),
        )
        self.tts_api_base_url = _resolve_url(
            "tts_api_base_url",
            tts_api_base_url,
            "SONIOX_TTS_API_URL",
            f"https://tts-rt.{domain}",
            ("https", "http"),
        )
        self.tts_websocket_base_url = _resolve_url(
            "tts_websocket_base_url",
            tts_websocket_base_url,
            "SONIOX_TTS_WS_URL",
            f"wss://tts-rt.{domain}/tts-websocket",
            ("wss", "ws"),
        )
        self.timeout_sec = DEFAULT_TIMEOUT_SEC if timeout_sec is None else timeout_sec
        # Each request takes the smaller of the two.
        self.connect_timeout_sec = DEFAULT_CONNECT_TIMEOUT_SEC if connect_timeout_sec is None else connect_timeout_sec
        self.max_retries = DEFAULT_MAX_RETRIES if max_retries is None else max_retries
        self.on_request = on_request
        self.on_response = on_response
        # The webhooks namespace reads their environment variables: it also works without a client.
        self.webhook_secret = webhook_secret
        self.webhook_signature_header = webhook_signature_header
        self._awaits_hooks = awaits_hooks
        self._check()

    def _check(self) -> None:
        with FieldErrors("the client's set-up") as check:
            for name in ("timeout_sec", "connect_timeout_sec"):
                if check.required(name, getattr(self, name)):
                    check.seconds(name, getattr(self, name))
            if check.required("max_retries", self.max_retries):
                check.integer("max_retries", self.max_retries, minimum=0, maximum=100)
            for name in ("on_request", "on_response"):
                hook = getattr(self, name)
                rule = None if hook is None else broken_rule(hook, is_awaited=self._awaits_hooks)
                if rule is not None:
                    check.add(name, rule, hook)
            check.header_name("webhook_signature_header", self.webhook_signature_header)
            check.header_value("webhook_secret", None if self.webhook_secret == "" else self.webhook_secret)

    def changed(self, options: dict[str, Any]) -> Self:
        """A copy with other values for some of ``timeout_sec``, ``connect_timeout_sec``, ``max_retries`` and hooks.

        Raises:
            SonioxValidationError: There is no such option, or its value cannot be used.
        """
        unknown = options.keys() - _OPTIONS
        if unknown:
            raise SonioxValidationError(
                f"with_options does not take {', '.join(sorted(unknown))}; it takes {', '.join(sorted(_OPTIONS))}"
            )
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self))
        vars(copy).update(options)
        copy._check()
        return copy

    @property
    def authorization(self) -> str:
        """Value of the ``Authorization`` header."""
        return f"Bearer {self.api_key}"

    @safe_repr
    def __repr__(self) -> str:
        return f"<Settings {self.api_base_url}>"


def user_agent() -> str:
    """Value of the ``User-Agent`` header."""
    return f"soniox-lite/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"


def resolve_api_key(given: str | None) -> str:
    """The key that is given, else that of the environment.

    Raises:
        SonioxValidationError: There is none, or it cannot be one.
    """
    # A key from a file or a secret store often ends in a line break.
    key = _given_or_variable("api_key", given, "SONIOX_API_KEY").strip()
    if not key:
        raise SonioxValidationError(
            "no API key: give api_key=..., or set the environment variable SONIOX_API_KEY "
            "(keys are made at https://console.soniox.com)"
        )
    # What an HTTP header can carry without being encoded or folded.
    if not is_visible_ascii(key):
        raise SonioxValidationError("api_key must be printable ASCII without white space")
    return key


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


def _resolve_url(name: str, given: str | None, variable: str, default: str, schemes: tuple[str, ...]) -> str:
    url = _given_or_variable(name, given, variable) or default
    source = name if given else variable
    parts = split_url(url, schemes)
    if parts is None or not is_visible_ascii(url):
        raise SonioxValidationError(
            f"{source} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}"
        )
    if parts.username is not None or parts.password is not None or "?" in url or "#" in url:
        # Credentials in a URL end up in logs; a query would end up in front of the path.
        raise SonioxValidationError(f"{source} must not have credentials, a query or a fragment")
    return url.rstrip("/")


def realtime_set_up(client: SonioxClient | AsyncSonioxClient) -> tuple[Settings, ssl.SSLContext | None]:
    """What a realtime session takes over from a client: settings, with the key, and the TLS context or None."""
    context: ssl.SSLContext | None = client._network["ssl_context"]  # type: ignore[assignment]
    return client._settings, context  # pyright: ignore[reportPrivateUsage] - a client's parts know each other
