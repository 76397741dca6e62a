"""Schemathesis makes valid and invalid requests from the published document, and checks the responses against it.

What it may find: no answer at all, a server error, a status that the operation does not document, a body of another
type or shape.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks as documented

from soniox_testing import FakeSoniox, SharedListener, after_seconds
from tests.support.schema import DOCUMENT, UNDOCUMENTED

EXAMPLES = 40
PATHS = ("/v1/", "/tts")
OPERATIONS = {
    operation["operationId"]: (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if path.startswith(PATHS)
}
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = [
    documented.not_a_server_error,
    documented.content_type_conformance,
    documented.response_schema_conformance,
]


def takes_something(path: str, method: str) -> bool:
    """Whether an operation has parameters or a body."""
    operation = DOCUMENT["paths"][path][method]
    return bool(operation.get("parameters") or operation.get("requestBody"))


CASES = [
    (name, mode)
    for name, where in OPERATIONS.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or takes_something(*where)
]


@pytest.mark.parametrize(("name", "mode"), CASES, ids=[f"{name}-{mode.value}" for name, mode in CASES])
@pytest.mark.slow
def test_requests_of_the_document(name: str, mode: GenerationMode) -> None:
    path, method = OPERATIONS[name]
    statuses: set[int] = set()
    rule = after_seconds(queued=0, processing=0)
    with (
        SharedListener() as listener,
        FakeSoniox(listener=listener, progress=rule, audio="any") as fake,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {fake.api_key}"
        operation = SCHEMA[path][method.upper()]

        @hypothesis.settings(
            derandomize=True,
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(data=st.data())
        def run(data: st.DataObject) -> None:
            case: Any = data.draw(operation.as_strategy(generation_mode=mode))
            # An answer repeats it, and the checks of all bodies expect a UUID there.
            (case.headers or {}).pop("X-Request-Id", None)
            if mode is GenerationMode.POSITIVE:
                use_what_is_there(case, session, fake)
            response = case.call(base_url=fake.url, session=session, headers=dict(session.headers))
            statuses.add(response.status_code)
            checks = list(CHECKS)
            if (name, response.status_code) not in UNDOCUMENTED:
                checks.append(documented.status_code_conformance)
            case.validate_response(response, checks=checks)

        run()
    if mode is GenerationMode.POSITIVE:
        assert min(statuses) < 300, statuses
    else:
        assert max(statuses) >= 400, statuses


def use_what_is_there(case: Any, session: requests.Session, fake: FakeSoniox) -> None:
    """Puts the ids of an existing file, job or model into valid requests."""
    if case.operation.method == "post" and case.path == "/v1/transcriptions":
        case.body["model"] = "stt-async-v5"
        if len(case.body) % 2:
            # The schema cannot say that there is one source of audio, and that its other fields depend on each other.
            sources = {"audio_url", "file_id", "translation", "webhook_url", "webhook_auth_header_name"}
            for field in sources | {"webhook_auth_header_value"}:
                case.body.pop(field, None)
            case.body["audio_url"] = "https://example.com/audio/talk.mp3"
    if case.path == "/tts" and len(case.body) % 2:
        case.body |= {"model": "tts-rt-v2", "voice": "Nina", "language": "en", "audio_format": "wav"}
        for field in ("sample_rate", "bitrate"):
            case.body.pop(field, None)
    query = case.query or {}
    if "start_time" in query:
        now = datetime.now(timezone.utc)
        for name, moment in (("start_time", now - timedelta(days=2)), ("end_time", now)):
            query[name] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    if case.path == "/v1/shared-voices":
        query["model"] = "tts-rt-v2"
    if case.path == "/v1/voices/{voice_id}/recompute":
        case.body = {"model": "tts-rt-v1"} if len(case.body) % 2 else {}
    if "voice_id" in (case.path_parameters or ()):
        name = {"name": f"voice {len(fake.voices)}"}
        made = session.post(f"{fake.url}/v1/voices", data=name, files={"file": b"abc"}).json()
        case.path_parameters["voice_id"] = made["id"]
    elif case.path_parameters:
        made = session.post(f"{fake.url}/v1/files", files={"file": b"abc"}).json()
        if "transcription_id" in case.path_parameters:
            payload = {"model": "stt-async-v5", "file_id": made["id"]}
            made = session.post(f"{fake.url}/v1/transcriptions", json=payload).json()
        for name in case.path_parameters:
            case.path_parameters[name] = made["id"]
