# Generated from async_webhooks.py by scripts/generate_sync: edit that file, not this one.
"""The ``webhooks`` namespace: requesting webhooks, verifying and receiving them."""

from __future__ import annotations

from .._data.callbacks import check_callback, settled
from ..errors import SonioxError
from ._webhook_calls import (
    DEFAULT_WEBHOOK_HEADER,
    SONIOX_API_WEBHOOK_HEADER_ENV,
    SONIOX_API_WEBHOOK_SECRET_ENV,
    RecentKeys,
    WebhookCalls,
    reply,
)
from ._webhook_gateways import WebhookGateways

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..client import SonioxClient
    from ..types.aliases import Headers
    from ..types.api import Transcription, TranscriptionTranscript
    from ..types.webhooks import WebhookAuthConfig, WebhookEvent

__all__ = [
    "DEFAULT_WEBHOOK_HEADER",
    "SONIOX_API_WEBHOOK_HEADER_ENV",
    "SONIOX_API_WEBHOOK_SECRET_ENV",
    "ReceivedWebhook",
    "RecentKeys",
    "SonioxWebhooksAPI",
]


class ReceivedWebhook:
    """A webhook call that was verified: a job has ended.

    Attributes:
        event: What the call says.
        id: The transcription's ID.
        status: ``completed`` or ``error``.
    """

    def __init__(self, event: WebhookEvent, client: SonioxClient | None) -> None:
        self.event = event
        self.id: str = event.id
        self.status = event.status
        self._client = client

    def get_transcription(self) -> Transcription:
        """The job, from the service; of a failed one, ``error_message`` says why.

        Raises:
            SonioxError: As :meth:`SttAPI.get`, or the namespace was made without a client.
        """
        return self._opened_client().stt.get(self.id)

    def get_transcript(self) -> TranscriptionTranscript:
        """The transcript of a completed job, from the service.

        Raises:
            SonioxError: As :meth:`SttAPI.get_transcript`, or the namespace was made without a client.
        """
        return self._opened_client().stt.get_transcript(self.id)

    def _opened_client(self) -> SonioxClient:
        if self._client is None:
            raise SonioxError("this webhooks namespace has no client to send requests with; use client.webhooks")
        return self._client

    def __repr__(self) -> str:
        return f"<{type(self).__name__} id={self.id!r} status={self.status!r}>"


class SonioxWebhooksAPI(WebhookCalls, WebhookGateways):
    """The ``webhooks`` namespace of a client.

    The service does not sign its calls. It sends a header of the receiver's choice with a secret value of the
    receiver's choice, which is checked here.
    """

    def __init__(
        self,
        *,
        webhook_secret: str | None = None,
        webhook_header: str | None = None,
        client: SonioxClient | None = None,
    ) -> None:
        """Arguments that are None are taken from the environment.

        Args:
            webhook_secret: What the header must hold; None for ``SONIOX_API_WEBHOOK_SECRET``, or no secret.
            webhook_header: The header's name; None for ``SONIOX_API_WEBHOOK_HEADER``, or ``X-Soniox-Webhook-Secret``.
            client: Fetches jobs and transcripts of received webhooks; None if they are not fetched.

        Raises:
            SonioxValidationError: The secret or the name cannot be part of an HTTP header.
        """
        super().__init__(webhook_secret=webhook_secret, webhook_header=webhook_header)
        self._client = client
        self._recent = RecentKeys()
        # Events whose callback is running. A dict, since its setdefault() is one step also between threads.
        self._running: dict[str, object] = {}

    def handle(
        self,
        method: str,
        headers: Headers,
        body: str | bytes,
        on_ended: Callable[[ReceivedWebhook], object],
        *,
        auth: WebhookAuthConfig | None = None,
        allow_unverified: bool = False,
        seen: Any = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Answers one HTTP request as a receiver of webhooks; for any framework.

        The service may call several times for one job. ``on_ended`` is called once for each; a call that comes while
        it runs is answered with 503, so that the service tries again. If ``on_ended`` fails, its exception is raised
        and the event counts as not seen.

        Args:
            method: The request's method.
            headers: The call's headers: a mapping or a framework's header object, pairs of names and values, a WSGI
                environ, a whole Lambda event or ASGI scope.
            body: The request's body as it came.
            on_ended: Called with the :class:`ReceivedWebhook`.
                It must not be async.
            auth: The header to look for; None for the one that this was set up with.
            allow_unverified: Whether to let every call pass if there is no secret to compare with.
            seen: Remembers events, as :class:`RecentKeys` does; None for the latest 10,000 of this object.

        Returns:
            Status, headers and body of the response. 200 for a webhook, also for one that was seen before; 405 for
            another method than POST, 413 for a body over 64 KiB, 401 for a missing or wrong secret, 400 for a body
            that is no webhook, 503 while the same event is being handled.

        Raises:
            InvalidWebhookSignatureError: There is no secret to compare with.
            SonioxValidationError: ``on_ended`` cannot be called.
        """
        check_callback("on_ended", on_ended)
        self._check_secret(auth, allow_unverified)
        event = self._judged(method, headers, body, auth, allow_unverified)
        if isinstance(event, tuple):
            return event
        key, mark, store = f"{event.id}:{event.status}", object(), self._recent if seen is None else seen
        if self._running.setdefault(key, mark) is not mark:
            return reply(503, "this event is being handled", Retry_After="10")
        try:
            if not settled("seen.add", store.add(key)):
                return reply(200, "seen before")
            try:
                settled("on_ended", on_ended(ReceivedWebhook(event, self._client)))
            except BaseException:
                settled("seen.discard", store.discard(key))
                raise
        finally:
            del self._running[key]
        return reply(200, "ok")
