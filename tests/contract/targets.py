"""One way of calling three clients: ours over threads, ours over tasks, and the official SDK.

Each target takes the dotted name of a method and keyword arguments, and gives back what the client returned as plain
JSON values, so that results can be compared across clients.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib
import inspect
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import soniox
import soniox.types.webhooks

import soniox_lite
from soniox_lite.types.webhooks import WebhookAuthConfig

NAMES = ["sync", "async", "official", "official-async"]
LIVE_KEY = os.environ.get("SONIOX_LIVE_API_KEY", "")
"""With this key of a project, the suite runs against the service, too. That was never done where this was written."""
PLACES = ["fake", "live"] if LIVE_KEY else ["fake"]
LIVE_API = "https://api.soniox.com/v1"
LIVE_STT = "wss://stt-rt.soniox.com/transcribe-websocket"
_LIVE_INTERVAL_SEC = 1.0


class Target:
    """A client under test.

    Attributes:
        name: One of NAMES.
        is_ours: Whether it is one of this project's clients.
        is_live: Whether it talks to the service.
        reference: Set as ``client_reference_id`` of what it creates there, which ``close`` deletes.
    """

    def __init__(self, name: str, api_key: str, api_base_url: str, **other_urls: str) -> None:
        self.name = name
        self.api_base_url = api_base_url
        self.is_live = api_base_url == LIVE_API
        self.reference = f"contract-{uuid.uuid4()}"
        self.is_ours = not name.startswith("official")
        module: Any = soniox_lite if self.is_ours else soniox
        client_class = module.AsyncSonioxClient if name.endswith("async") else module.SonioxClient
        options: dict[str, Any] = {"max_retries": 0} if self.is_ours else {}
        self.client: Any = client_class(api_key=api_key, api_base_url=api_base_url, **other_urls, **options)
        # One loop for the client's whole life: the official async client is bound to the first that it sees.
        self._loop = asyncio.new_event_loop() if name.endswith("async") else None

    def auth(self, name: str, value: str) -> Any:
        """A webhook header of the target's own type."""
        return (WebhookAuthConfig if self.is_ours else soniox.types.webhooks.WebhookAuthConfig)(name=name, value=value)

    def config(self, **fields: Any) -> Any:
        """Transcription options of the target's own type."""
        module: Any = soniox_lite if self.is_ours else soniox
        return module.types.api.CreateTranscriptionConfig(**fields)

    def speech_config(self, **fields: Any) -> Any:
        """Text-to-speech options of the target's own type."""
        module = importlib.import_module("soniox_lite.types.tts" if self.is_ours else "soniox.types.api")
        return module.CreateTtsConfig(**fields)

    def call(self, method: str, /, **arguments: Any) -> Any:
        """Calls ``client.<method>`` and returns the result as JSON values; an iterator as a list."""
        function = self.client
        for part in method.split("."):
            function = getattr(function, part)
        if self.is_live:
            arguments = self._for_live(function, method, arguments)
        return plain(self._complete(function(**arguments)))

    def _for_live(self, function: Any, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method.endswith(("delete_all", "destroy_all")):
            raise AssertionError(f"{method} would empty a project")
        asked = {
            name: max(value, _LIVE_INTERVAL_SEC) if name.endswith("interval_sec") else value
            for name, value in arguments.items()
        }
        if "client_reference_id" in inspect.signature(function).parameters:
            asked.setdefault("client_reference_id", self.reference)
        return asked

    def _delete_what_is_left(self) -> None:
        """Deletes what bears the reference, jobs first; a job that still runs is waited for."""
        for job in self.call("stt.list_all"):
            if job.get("client_reference_id") == self.reference:
                self.call("stt.wait", transcription_id=job["id"], interval_sec=_LIVE_INTERVAL_SEC)
                self.call("stt.delete", transcription_id=job["id"])
        for file in self.call("files.list_all"):
            if file.get("client_reference_id") == self.reference:
                self.call("files.delete", file_id=file["id"])

    def _complete(self, result: Any) -> Any:
        if self._loop is None:
            return list(result) if isinstance(result, Iterator) else result
        if isinstance(result, AsyncIterator):
            return self._loop.run_until_complete(_collect(result))
        return self._loop.run_until_complete(result) if inspect.isawaitable(result) else result

    def close(self) -> None:
        try:
            if self.is_live:
                self._delete_what_is_left()
        finally:
            self._close()

    def _close(self) -> None:
        if self._loop is None:
            self.client.close()
        else:
            self._loop.run_until_complete(self.client.aclose())
            self._loop.close()


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def plain(value: Any) -> Any:
    """A result as JSON values; times in one spelling, fields that are None left out."""
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    elif hasattr(value, "to_dict"):
        value = {name: getattr(value, name) for name in value.to_dict()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    return value
