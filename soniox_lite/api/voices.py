# Generated from async_voices.py by scripts/generate_sync: edit that file, not this one.
"""Voices: your own, made from clips, and those that the service shares."""

from __future__ import annotations

from .._data.clock import time
from .._data.decoding import decode_response
from .._data.rules import FieldErrors
from .._settings import settings_of
from ..errors import SonioxNotFoundError, SonioxTimeoutError, SonioxVoiceError
from ..types.voices import (
    GetSharedVoicesPayload,
    GetSharedVoicesResponse,
    GetVoicesCountResponse,
    GetVoicesPayload,
    GetVoicesResponse,
    RecomputeVoicePayload,
    TtsVoiceDetails,
    Voice,
)
from ._arguments import check_polling, path_segment
from ._paging import iterate_pages
from ._polling import poll

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    import os
    from collections.abc import Iterator
    from typing import BinaryIO

    from ..client import SonioxClient
    from ..types.aliases import TtsVoiceAge, TtsVoiceGender
    from ..types.voices import VoiceModel

__all__ = ["VoicesAPI"]

# How long a model may stand at ``not_computed``: the service does not say how soon after a call it begins.
_BEGINNING_SEC = 30.0


class VoicesAPI:
    """The ``voices`` namespace of a client. Can be shared as the client can.

    Voices belong to the key's project and region. The errors of all methods are those of
    :class:`FilesAPI`.
    """

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def list(self, limit: int = 100, cursor: str | None = None) -> GetVoicesResponse:
        """One page of your own voices.

        Args:
            limit: Voices on the page, 1 to 1000.
            cursor: ``next_page_cursor`` of the page before; None for the first.
        """
        params = GetVoicesPayload(limit=limit, cursor=cursor).to_dict()
        return decode_response(GetVoicesResponse, self._client.request("GET", "/voices", params=params))

    def list_all(self, limit: int = 100) -> Iterator[Voice]:
        """Iterates over all your own voices. Pages are fetched as they are needed.

        Args:
            limit: Voices on a page, 1 to 1000.
        """

        def fetch(cursor: str | None) -> tuple[list[Voice], str | None]:
            page = self.list(limit=limit, cursor=cursor)
            return page.voices, page.next_page_cursor

        for voice in iterate_pages(fetch):
            yield voice

    def count(self) -> GetVoicesCountResponse:
        """How many voices the project holds."""
        return decode_response(GetVoicesCountResponse, self._client.request("GET", "/voices/count"))

    def get(self, voice_id: str) -> Voice:
        """The current state of a voice.

        Args:
            voice_id: Id of a cloned voice.

        Raises:
            SonioxNotFoundError: There is no such voice in this project.
        """
        response = self._client.request("GET", _path(voice_id))
        return decode_response(Voice, response)

    def get_or_none(self, voice_id: str) -> Voice | None:
        """As :meth:`get`; None if there is no such voice.

        Args:
            voice_id: Id of a cloned voice.
        """
        try:
            return self.get(voice_id)
        except SonioxNotFoundError:
            return None

    def create(
        self, file: BinaryIO | bytes | os.PathLike[str] | str, *, name: str, filename: str | None = None
    ) -> Voice:
        """Makes a voice from a clip. It takes some seconds until it can be used, see :meth:`wait_until_ready`.

        Args:
            file: A path, bytes, or a binary stream, as for :meth:`FilesAPI.upload`: at most 10 MB
                and 20 seconds. The service takes a longer clip, and fails later.
            name: Unique in the project, 1 to 128 characters.
            filename: The clip's name at the service; None for its own.

        Raises:
            SonioxConflictError: The name is taken.
            SonioxRateLimitError: The organization has as many voices as it may have.
        """
        with FieldErrors("the voice") as check:
            if check.required("name", name):
                check.text("name", name, min_length=1, max_length=128)
        response = self._client.request("POST", "/voices", data={"name": name}, files={"file": (filename, file)})
        return decode_response(Voice, response)

    def recompute(self, voice_id: str, *, model: str | None = None) -> Voice:
        """Prepares a voice for models that are newer than the voice, and returns its new state.

        Args:
            voice_id: The voice.
            model: A model's id; None for all models that it is not ready for.

        Raises:
            SonioxNotFoundError: There is no such voice in this project.
        """
        payload = RecomputeVoicePayload(model=model).to_dict()
        return decode_response(Voice, self._client.request("POST", f"{_path(voice_id)}/recompute", json=payload))

    def wait_until_ready(
        self,
        voice_id: str,
        *,
        model: str | None = None,
        interval_sec: float = 2.0,
        timeout_sec: float | None = None,
    ) -> Voice:
        """Waits until a voice can be used, and returns it.

        The voice is polled with growing pauses: 0.25 s at first, at most ``interval_sec``.

        Args:
            voice_id: The voice.
            model: The model that the voice must be ready for, as ``Voice.models`` names it, which is no
                alias; None for all that it is being prepared for.
            interval_sec: The longest pause between two polls, in seconds.
            timeout_sec: How long to wait, in seconds; None for no limit. The last poll may exceed it by 1 s.

        Raises:
            SonioxVoiceError: Preparing it failed for good (delete it, and make another one), or did not begin within
                half a minute (see :meth:`recompute`).
            SonioxTimeoutError: It was not ready by then; the service goes on preparing it.
            SonioxNotFoundError: There is no such voice in this project.
        """
        check_polling("", interval_sec, timeout_sec)
        with FieldErrors("the waiting") as check:
            check.text("model", model, min_length=1)
        not_begun_after = time.monotonic() + _BEGINNING_SEC

        def has_ended(voice: Voice) -> bool:
            begun = _begun(voice, model)
            if not begun:
                return time.monotonic() >= not_begun_after
            statuses = {progress.status for progress in begun}
            return "failed" in statuses or "processing" not in statuses

        def fetch(deadline_sec: float | None) -> tuple[Voice, float | None]:
            response = self._client.request("GET", _path(voice_id), deadline_sec=deadline_sec)
            return decode_response(Voice, response), response.retry_after_sec

        voice = poll(
            fetch,
            has_ended,
            lambda _: SonioxTimeoutError(
                f"voice {voice_id} is not ready after {timeout_sec:g} s; the service goes on preparing it",
                request_sent=True,
                voice_id=voice_id,
            ),
            interval_sec=interval_sec,
            timeout_sec=timeout_sec,
            cancel=settings_of(self._client).cancel,
        )
        begun = _begun(voice, model)
        for progress in begun:
            if progress.status == "failed":
                reason = progress.error_message or "no reason given"
                raise SonioxVoiceError(
                    f"voice {voice.id} cannot be used with {progress.model}: {reason}",
                    voice=voice,
                    error_type=progress.error_type,
                )
        if not begun:
            which = "any model" if model is None else "that model"
            raise SonioxVoiceError(f"voice {voice.id} is not being prepared for {which}: recompute it", voice=voice)
        return voice

    def delete(self, voice_id: str) -> None:
        """Deletes a voice.

        Args:
            voice_id: Id of a cloned voice.

        Raises:
            SonioxNotFoundError: There is no such voice in this project.
        """
        response = self._client.request("DELETE", _path(voice_id))
        response.raise_for_status()

    def delete_if_exists(self, voice_id: str) -> None:
        """As :meth:`delete`, but does nothing if the voice does not exist.

        Args:
            voice_id: Id of a cloned voice.
        """
        try:
            self.delete(voice_id)
        except SonioxNotFoundError:
            return

    def list_shared(
        self,
        model: str,
        *,
        gender: TtsVoiceGender | None = None,
        age: TtsVoiceAge | None = None,
        accent: str | None = None,
        use_case: builtins.list[str] | None = None,
        style: builtins.list[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> GetSharedVoicesResponse:
        """One page of the voices that the service shares. Those that match all that is given are listed.

        Args:
            model: A text-to-speech model's id, at most 64 characters.
            gender: ``male``, ``female`` or ``neutral``; None for all.
            age: ``young``, ``middle_aged`` or ``old``; None for all.
            accent: Such as ``british``, at most 40 characters; None for all.
            use_case: At most 10 such as ``narration``, which the voice must have all; None for all voices.
            style: At most 10 such as ``calm``, which the voice must have all; None for all voices.
            limit: Voices on the page, 1 to 200.
            cursor: ``next_page_cursor`` of the page before, which had the same filters; None for the first.

        Raises:
            SonioxNotFoundError: There is no such model.
        """
        payload = GetSharedVoicesPayload(
            model=model,
            gender=gender,
            age=age,
            accent=accent,
            use_case=use_case,
            style=style,
            limit=limit,
            cursor=cursor,
        )
        response = self._client.request("GET", "/shared-voices", params=payload.to_dict())
        return decode_response(GetSharedVoicesResponse, response)

    def list_all_shared(
        self,
        model: str,
        *,
        gender: TtsVoiceGender | None = None,
        age: TtsVoiceAge | None = None,
        accent: str | None = None,
        use_case: builtins.list[str] | None = None,
        style: builtins.list[str] | None = None,
        limit: int = 100,
    ) -> Iterator[TtsVoiceDetails]:
        """All shared voices that match, one after the other, fetched page by page while they are used.

        Args:
            model: A text-to-speech model's id, at most 64 characters.
            gender: ``male``, ``female`` or ``neutral``; None for all.
            age: ``young``, ``middle_aged`` or ``old``; None for all.
            accent: Such as ``british``, at most 40 characters; None for all.
            use_case: At most 10 such as ``narration``, which the voice must have all; None for all voices.
            style: At most 10 such as ``calm``, which the voice must have all; None for all voices.
            limit: Voices on a page of the listing, 1 to 200.

        Raises:
            SonioxNotFoundError: There is no such model.
        """

        def fetch(cursor: str | None) -> tuple[builtins.list[TtsVoiceDetails], str | None]:
            page = self.list_shared(
                model,
                gender=gender,
                age=age,
                accent=accent,
                use_case=use_case,
                style=style,
                limit=limit,
                cursor=cursor,
            )
            return page.voices, page.next_page_cursor

        for voice in iterate_pages(fetch):
            yield voice


def _path(voice_id: str) -> str:
    return f"/voices/{path_segment('voice_id', voice_id)}"


def _begun(voice: Voice, model: str | None) -> list[VoiceModel]:
    """The states of the voice for this model, or for all models, without those whose preparation was not begun."""
    return [
        progress
        for progress in voice.models
        if progress.status != "not_computed" and (model is None or progress.model == model)
    ]
