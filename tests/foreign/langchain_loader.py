"""The document loader of langchain-soniox."""

from __future__ import annotations

import asyncio
from typing import Any

from checks import URL, WAV, Checks
from langchain_soniox import SonioxDocumentLoader, SonioxTranscriptionOptions


def loader(**options: Any) -> Any:
    """A loader of the fake."""
    return SonioxDocumentLoader(api_key="key", base_url=f"{URL}/v1", polling_interval_seconds=0.05, **options)


def a_file() -> None:
    (document,) = loader(file_data=WAV).lazy_load()
    assert document.page_content
    assert document.metadata["tokens"]


def a_translated_url() -> None:
    options = SonioxTranscriptionOptions(
        model="stt-async-v4",
        translation={"type": "one_way", "target_language": "es"},
        enable_speaker_diarization=True,
    )
    (document,) = loader(file_url="https://example.com/a.mp3", options=options).lazy_load()
    assert any(token["translation_status"] == "translation" for token in document.metadata["tokens"])


def bytes_that_are_no_audio() -> None:
    said = ""
    try:
        list(loader(file_data=b"noise").lazy_load())
    except Exception as error:  # of the loader's own
        said = str(error)
    assert "Invalid audio file" in said


async def a_file_asynchronously() -> None:
    (document,) = [document async for document in loader(file_data=WAV).alazy_load()]
    assert document.page_content


results = Checks()
asyncio.run(results.run(a_file, a_translated_url, bytes_that_are_no_audio, a_file_asynchronously))
results.exit()
