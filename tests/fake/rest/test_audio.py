"""Whether the audio of jobs is audio: by its header, by a download, or by what a test says."""

from __future__ import annotations

import http.server
import struct
import threading
from time import monotonic

import pytest

from soniox_testing import FakeSoniox

from ...support.tables import each_row

WAV = struct.pack(
    "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 16_000, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 16_000
) + bytes(16_000)


def look(client, job, time=None):
    """The job as it stands, after a long time on the fake's clock."""
    if time is not None:
        time.now_sec += 100
    return client("GET", f"/v1/transcriptions/{job['id']}").json


def ended(client, job):
    """The job when it has ended, in real time."""
    deadline_sec = monotonic() + 60
    while (now := look(client, job))["status"] not in {"completed", "error"}:
        assert monotonic() < deadline_sec
    return now


@pytest.fixture
def web():
    """A server on this machine; ``answers`` has the status and the body for each path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = self.server.answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers = {}
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@each_row(
    "content, is_audio",
    [
        (WAV, True),
        (WAV[:30], False),
        (b"RIFF\0\0\0\0WAVEnothing that follows", False),
        (b"ID3\4 and so on", True),
        (b"\xff\xfb\x90\x64", True),
        (b"\0\0\0\x20ftypM4A ", True),
        (b"<html>not here</html>", False),
        (b"\0" * 100, False),
        (b"", False),
    ],
)
def test_a_file_that_is_no_audio_ends_its_job(fake, client, time, content, is_audio):
    file_id = client.upload(content).json["id"]
    answer = client.create(file_id=file_id)
    assert answer.status == 201
    job = look(client, answer.json, time)
    assert job["status"] == ("completed" if is_audio else "error")
    if not is_audio:
        assert job["error_type"] == "invalid_audio_file"
        assert job["error_message"].startswith("Invalid audio file")
        assert 'FakeSoniox(audio="any")' in job["error_message"]
        assert client("GET", f"/v1/transcriptions/{job['id']}/transcript").status == 409


def test_what_a_test_says_is_taken_as_it_is(fake, client, time):
    noise = client.upload(b"noise").json["id"]
    fake.add_transcript("scripted", client_reference_id="a")
    assert look(client, client.create(file_id=noise, client_reference_id="a").json, time)["status"] == "completed"
    assert look(client, client.create(file_id=noise).json, time)["status"] == "error"
    fake.audio = "any"
    assert look(client, client.create(file_id=noise).json, time)["status"] == "completed"
    with pytest.raises(ValueError, match="audio must be one of checked, any, not 'some'"):
        fake.audio = "some"
    assert fake.audio == "any"


def test_the_transcriber_hears_every_file(connect):
    heard = []
    with FakeSoniox(transcriber=lambda audio, _: heard.append(audio) or "words") as server:
        client = connect(server=server)
        job = client.create(file_id=client.upload(b"noise").json["id"]).json
        status = ended(client, job)["status"]
    assert (status, heard) == ("completed", [b"noise"])


def test_audio_on_this_machine_is_fetched(web, connect):
    web.answers = {
        "/a.wav?x=1": (200, WAV),
        "/gr%C3%BC%C3%9Fe.wav": (200, WAV),
        "/gone.wav": (404, b""),
        "/page": (200, b"<html>"),
        "/moved": (302, WAV),
    }
    with FakeSoniox() as server:
        client = connect(server=server)

        def outcome(url):
            job = client.create(audio_url=url).json
            now = ended(client, job)
            return now["error_type"] or now["audio_duration_ms"], now["error_message"]

        assert outcome(f"{web.url}/a.wav?x=1") == (2000, None)
        assert outcome(f"{web.url}/grüße.wav") == (2000, None)
        for path, why in [("/gone.wav", "status 404"), ("/page", "no known audio header"), ("/moved", "status 302")]:
            kind, message = outcome(web.url + path)
            assert (kind, why in message) == ("invalid_audio_file", True)
        kind, message = outcome("http://localhost:1/a.wav")
        assert (kind, "ConnectionRefusedError" in message) == ("invalid_audio_file", True)
        server.audio = "any"
        assert outcome(f"{web.url}/page")[1] is None
        assert outcome(f"{web.url}/gone.wav")[0] == "invalid_audio_file"
        # A script says what is there, so it is not fetched; other machines are never asked.
        server.add_transcript("scripted", filename="gone.wav")
        assert outcome(f"{web.url}/gone.wav")[1] is None
        assert outcome("https://example.invalid/a.mp3")[1] is None


def test_a_test_may_say_what_is_behind_a_url(connect):
    far = "https://example.invalid/a.mp3"
    with FakeSoniox(transcriber=lambda audio, _: audio.decode()) as hearing, FakeSoniox() as server:
        for fake in (hearing, server):
            fake.add_audio_url(far, b"ID3 spoken words")
            fake.add_audio_url(f"{far}?gone", status_code=403)
            client = connect(server=fake)
            jobs = [client.create(audio_url=url).json for url in (far, f"{far}?gone")]
            for job in jobs:
                job.update(ended(client, job))
            assert [job["status"] for job in jobs] == ["completed", "error"]
            assert "status 403" in jobs[1]["error_message"]
            text = client("GET", f"/v1/transcriptions/{jobs[0]['id']}/transcript").json["text"]
            assert (text == "ID3 spoken words") == (fake is hearing)


def test_a_job_waits_for_its_download(web, fake, client, time):
    """The virtual time is over before the download is: the job is still being processed."""
    arrived, go_on = threading.Event(), threading.Event()

    class Slow(dict):
        def __getitem__(self, path):
            arrived.set()
            assert go_on.wait(60)
            return 200, WAV

    web.answers = Slow()
    job = client.create(audio_url=f"{web.url}/slow.wav").json
    assert arrived.wait(60)
    assert look(client, job, time)["status"] == "processing"
    go_on.set()
    assert ended(client, job)["status"] == "completed"
