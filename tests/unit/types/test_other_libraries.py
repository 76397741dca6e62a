"""Records in the hands of libraries that read the types of dataclasses: pydantic, FastAPI, cattrs, msgspec."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import typing
from datetime import datetime, timezone
from typing import Any

import cattrs.preconf.json
import httpx
import msgspec
import pydantic
import pytest
from fastapi import FastAPI

from soniox_lite.types import CreateTranscriptionConfig, File, GetFilesResponse, RealtimeEvent, Token, Transcription
from soniox_lite.types.api import TranscriptionTranscript

FILE: dict[str, Any] = {"id": "a", "filename": "a.wav", "size": 5, "created_at": "2026-01-02T03:04:05Z"}
PAGE: dict[str, Any] = {"files": [FILE], "next_page_cursor": None}
EVENT: dict[str, Any] = {"tokens": [{"text": "a", "start_ms": 5}], "total_audio_proc_ms": 7}
# As it comes from the service: the fields that it did not send are not in the instance.
RECEIVED = GetFilesResponse.from_dict(PAGE)
AS_JSON = {"files": [{**FILE, "client_reference_id": None}], "next_page_cursor": None}


def test_pydantic_validates_and_serializes() -> None:
    adapter = pydantic.TypeAdapter(GetFilesResponse)

    assert adapter.validate_python(PAGE) == RECEIVED
    assert adapter.validate_json(json.dumps(PAGE)) == RECEIVED
    assert adapter.validate_python(RECEIVED) is RECEIVED
    assert json.loads(adapter.dump_json(RECEIVED)) == AS_JSON
    assert adapter.dump_python(RECEIVED, mode="json") == AS_JSON
    assert adapter.json_schema()["$defs"]["File"]["required"] == ["id", "filename", "size", "created_at"]
    with pytest.raises(pydantic.ValidationError, match=r"files\.0\.size"):
        adapter.validate_python({"files": [{**FILE, "size": "large"}]})
    # A status that is new is none of its business.
    assert typing.get_type_hints(Transcription)["status"] is str


def test_pydantic_validates_a_config_by_its_own_rules() -> None:
    adapter = pydantic.TypeAdapter(CreateTranscriptionConfig)

    config = adapter.validate_python(
        {"language_hints": ["en"], "translation": {"type": "one_way", "target_language": "de"}}
    )
    assert config == CreateTranscriptionConfig(
        language_hints=["en"], translation={"type": "one_way", "target_language": "de"}
    )
    with pytest.raises(pydantic.ValidationError, match=r"language_hints\[0\] must be a two-letter language code"):
        adapter.validate_python({"language_hints": ["english"]})
    with pytest.raises(pydantic.ValidationError, match="modell"):
        adapter.validate_python({"modell": "x"})


class Report(pydantic.BaseModel):
    transcript: TranscriptionTranscript
    last: RealtimeEvent | None = None


def test_a_record_is_a_field_of_a_pydantic_model() -> None:
    transcript = TranscriptionTranscript.from_dict({"id": "t", "text": "a", "tokens": [{"text": "a"}]})
    report = Report(transcript=transcript, last=EVENT)  # type: ignore[arg-type]

    assert report.transcript is transcript
    assert report.last == RealtimeEvent.from_dict(EVENT)
    again = Report.model_validate_json(report.model_dump_json())
    assert (again.transcript, again.last) == (transcript, report.last)


def test_fastapi_takes_records_and_answers_with_them() -> None:
    app = FastAPI()

    def last_file() -> File:
        return RECEIVED.files[0]

    def page() -> Any:
        return RECEIVED

    def size(file: File) -> int:
        return file.size

    app.get("/file")(last_file)
    app.get("/page", response_model=GetFilesResponse)(page)
    app.post("/size")(size)

    async def answers() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            gets = [await client.get(path) for path in ("/file", "/page", "/openapi.json")]
            return [*gets, *[await client.post("/size", json={**FILE, "size": size}) for size in (5, "large")]]

    file, listed, schema, good, bad = asyncio.run(answers())
    assert file.json() == AS_JSON["files"][0]  # type: ignore[index]
    assert listed.json() == AS_JSON
    assert {"File", "GetFilesResponse"} <= schema.json()["components"]["schemas"].keys()
    assert good.json() == 5
    assert bad.status_code == 422


def test_cattrs_structures_and_unstructures() -> None:
    converter = cattrs.preconf.json.make_converter()

    # Python 3.10 cannot read the Z, and cattrs leaves it to Python.
    sent = json.loads(json.dumps(PAGE).replace("Z", "+00:00"))
    page = converter.structure(sent, GetFilesResponse)
    assert page == RECEIVED
    assert page.files[0].created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert converter.structure(converter.unstructure(RECEIVED), GetFilesResponse) == RECEIVED
    assert converter.structure(EVENT, RealtimeEvent).tokens == [Token(text="a", start_ms=5)]
    config = converter.structure({"language_hints": ["en"]}, CreateTranscriptionConfig)
    assert config.to_dict() == {"language_hints": ["en"]}


def test_msgspec_converts_and_encodes() -> None:
    assert msgspec.convert(PAGE, GetFilesResponse) == RECEIVED
    assert msgspec.json.decode(json.dumps(EVENT), type=RealtimeEvent) == RealtimeEvent.from_dict(EVENT)
    assert msgspec.json.decode(msgspec.json.encode(RECEIVED), type=GetFilesResponse) == RECEIVED
    assert msgspec.to_builtins(RECEIVED)["files"][0]["filename"] == "a.wav"
    with pytest.raises(msgspec.ValidationError, match=r"files\[0\]\.size"):
        msgspec.convert({"files": [{**FILE, "size": "large"}]}, GetFilesResponse)


def test_the_standard_library_reads_a_record_that_was_received() -> None:
    assert dataclasses.asdict(RECEIVED)["files"][0]["client_reference_id"] is None
    assert dataclasses.replace(RECEIVED, next_page_cursor="c").files[0] is RECEIVED.files[0]
    assert {field.name for field in dataclasses.fields(RECEIVED)} == PAGE.keys()
