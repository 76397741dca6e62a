"""The ``webhooks`` namespace of the async client: the same, since nothing in it waits."""

from __future__ import annotations

from .webhooks import SonioxWebhooksAPI

__all__ = ["AsyncSonioxWebhooksAPI"]


class AsyncSonioxWebhooksAPI(SonioxWebhooksAPI):
    """As :class:`SonioxWebhooksAPI`, under the name that the async client knows it by."""
