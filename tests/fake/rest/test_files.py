from __future__ import annotations

import base64
import hashlib
import tracemalloc
from urllib.parse import quote

import pytest

from soniox_testing import FakeSoniox
from tests.support.tables import each_row

_HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'


def test_an_upload_comes_back_with_its_metadata_and_its_bytes(fake, client):
    uploaded = client.upload(b"\0\r\n--bb\r\nsound\r\n", "talk.mp3", client_reference_id="ref")
    assert uploaded.status == 201
    assert uploaded.json["filename"] == "talk.mp3"
    assert uploaded.json["size"] == 16
    assert uploaded.json["client_reference_id"] == "ref"
    assert fake.file_content(uploaded.json["id"]) == b"\0\r\n--bb\r\nsound\r\n"
    assert client("GET", f"/v1/files/{uploaded.json['id']}").json == uploaded.json
    (record,) = fake.files
    assert (record.id, record.size, record.api_key) == (uploaded.json["id"], 16, "key-a")


def test_created_at_follows_the_clock(client, time):
    first = client.upload().json["created_at"]
    time.now_sec += 86_400
    second = client.upload().json["created_at"]
    assert first[10:] == second[10:]
    assert first[:10] < second[:10]


@each_row(
    ("sent", "stored"),
    [
        ("plain.wav", "plain.wav"),
        ("grüße 日本.wav", "grüße 日本.wav"),
        ("say %22hi%22.wav", 'say "hi".wav'),
        ('say \\"hi\\".wav', 'say "hi".wav'),
        ("two%0D%0Alines.wav", "two\r\nlines.wav"),
        ("100%25.wav", "100%25.wav"),
        ("semi;colon.wav", "semi;colon.wav"),
    ],
)
def test_filenames_are_read_as_browsers_write_them(client, sent, stored):
    assert client.upload(filename=sent).json["filename"] == stored


def test_an_extended_filename_is_decoded(client):
    head = b"--b\r\nContent-Disposition: form-data; name=file; filename*=UTF-8''gr%C3%BC%C3%9Fe.wav\r\n\r\n"
    assert client.send_parts(head + b"x\r\n--b--\r\n").json["filename"] == "grüße.wav"


def test_parts_may_come_in_any_order_and_unknown_parts_are_ignored(fake, client):
    other = b'--b\r\nContent-Disposition: form-data; name="other"; filename="o.bin"\r\n\r\nzzz\r\n'
    field = b'--b\r\nContent-Disposition: form-data; name="client_reference_id"\r\n\r\nref\r\n'
    answer = client.send_parts(field + other + _HEAD + b"sound\r\n--b--")
    assert answer.status == 201
    assert answer.json["client_reference_id"] == "ref"
    assert fake.file_content(answer.json["id"]) == b"sound"


def test_a_chunked_upload_without_a_length_is_read(fake, client):
    blocks = [_HEAD, b"one\r", b"\ntwo", b"", b"\r\n--b--\r\n"]
    answer = client(
        "POST",
        "/v1/files",
        (block for block in blocks if block),
        {"Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked"},
        chunked=True,
    )
    assert answer.status == 201
    assert fake.file_content(answer.json["id"]) == b"one\r\ntwo"
    assert client("GET", "/v1/files/count").status == 200, "the connection is still in step"


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        (b"--b--\r\n", "multipart/form-data; boundary=b", ("missing", "file.file")),
        (
            b'--b\r\nContent-Disposition: form-data; name="client_reference_id"\r\n\r\nr\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            ("missing", "file.file"),
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nno name\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            ("missing", "file.file"),
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            ("missing", "file.file"),
        ),
        (_HEAD + b"x\r\n--b--\r\n", "multipart/form-data", ("missing", "file.file")),
        (_HEAD + b"x\r\n--b--\r\n", "application/octet-stream", ("missing", "file.file")),
        (b'{"file": 1}', "application/json", ("missing", "file.file")),
        (b"", "", ("missing", "file.file")),
        (_HEAD + b"cut off", "multipart/form-data; boundary=b", ("value_error", "body")),
        (b"no boundary at all", "multipart/form-data; boundary=b", ("value_error", "body")),
        (b"", "multipart/form-data; boundary=b", ("value_error", "body")),
        (b"--b\r\nX: y\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", ("value_error", "body")),
        (
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            ("value_error", "body"),
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xff"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            ("value_error", "body"),
        ),
        (
            _HEAD + b"x\r\n" + _HEAD + b"y\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
            ("value_error", "body"),
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + b"n" * 256 + b'"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            ("string_too_long", "file.file"),
        ),
    ],
)
def test_a_bad_upload_is_refused_and_leaves_nothing(fake, client, body, content_type, problem):
    answer = client.send_parts(body, content_type=content_type)
    assert answer.status == 400
    assert answer.json["error_type"] == "invalid_request"
    assert answer.problems == [problem]
    assert fake.files == ()
    assert client.upload().status == 201, "the connection is still in step"


def test_a_client_reference_may_have_256_characters(client):
    assert client.upload(client_reference_id="é" * 256).status == 201
    answer = client.upload(client_reference_id="é" * 257)
    assert answer.problems == [("string_too_long", "body.payload.client_reference_id")]


def test_a_file_above_the_cap_is_refused(connect):
    with FakeSoniox(max_file_size_bytes=1000) as small:
        client = connect(server=small)
        assert client.upload(b"x" * 1000).status == 201
        answer = client.upload(b"x" * 1001)
        assert answer.problems == [("value_error", "file.file")]
        # More than fits into any buffer: unless the server reads the rest, the client never gets the response.
        assert client.upload(b"x" * 20_000_000).problems == [("value_error", "file.file")]
        assert len(small.files) == 1


def test_a_large_upload_needs_little_memory(fake, client):
    block = bytes(range(256)) * 4096
    tail = b"\r\n--b--\r\n"

    def body():
        yield _HEAD
        for _ in range(120):
            yield block
        yield tail

    length = len(_HEAD) + 120 * len(block) + len(tail)
    tracemalloc.start()
    try:
        answer = client(
            "POST",
            "/v1/files",
            body(),
            {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(length)},
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.json["size"] == 120 * len(block) == 125_829_120
    assert peak < 20_000_000
    content = fake.file_content(answer.json["id"])
    assert hashlib.sha256(content).digest() == hashlib.sha256(block * 120).digest()


def test_deleting_a_file_removes_it(fake, client):
    file_id = client.upload().json["id"]
    deleted = client("DELETE", f"/v1/files/{file_id}")
    assert (deleted.status, deleted.raw) == (204, b"")
    assert "Content-Length" not in deleted.headers
    for method in ("GET", "DELETE"):
        gone = client(method, f"/v1/files/{file_id}")
        assert (gone.status, gone.json["error_type"]) == (404, "file_not_found")
    assert fake.files == ()
    with pytest.raises(KeyError, match=f"there is no file '{file_id}'"):
        fake.file_content(file_id)


@each_row("file_id", ["84c32fc6-4fb5-4e7a-b656-b5ec70493753", "nonsense", "%2e%2e", "1"])
def test_an_unknown_or_malformed_id_is_not_found(client, file_id):
    answer = client("GET", f"/v1/files/{file_id}")
    assert (answer.status, answer.json["error_type"]) == (404, "file_not_found")


def test_projects_do_not_see_each_other(fake, connect):
    ours, theirs = connect("key-a"), connect("key-b")
    file_id = ours.upload().json["id"]
    assert theirs("GET", f"/v1/files/{file_id}").status == 404
    assert theirs("DELETE", f"/v1/files/{file_id}").status == 404
    assert theirs("GET", "/v1/files").json == {"files": [], "next_page_cursor": None}
    assert theirs("GET", "/v1/files/count").json == {"total": 0, "public_api": 0, "playground": 0}
    assert ours("GET", "/v1/files/count").json == {"total": 1, "public_api": 1, "playground": 0}
    theirs.upload()
    assert [record.api_key for record in fake.files] == ["key-a", "key-b"]


def test_pages_hold_every_file_once_although_seen_ones_are_deleted(client):
    ids = [client.upload(filename=f"{number}.mp3").json["id"] for number in range(7)]
    seen = []
    cursor = ""
    while cursor is not None:
        page = client("GET", f"/v1/files?limit=3&cursor={cursor}").json
        seen += [file["id"] for file in page["files"]]
        for file in page["files"]:
            client("DELETE", f"/v1/files/{file['id']}")
        cursor = page["next_page_cursor"]
    assert seen == ids


def test_the_last_page_says_so(client):
    for _ in range(3):
        client.upload()
    assert client("GET", "/v1/files?limit=2").json["next_page_cursor"]
    for limit in ("3", "4", "1000"):
        page = client("GET", f"/v1/files?limit={limit}").json
        assert "next_page_cursor" in page
        assert page["next_page_cursor"] is None
    assert len(client("GET", "/v1/files").json["files"]) == 3


@each_row("family", ["files", "transcriptions"])
@each_row(
    ("limit", "error_type"),
    [
        ("0", "greater_than_equal"),
        ("-5", "greater_than_equal"),
        ("1001", "less_than_equal"),
        ("many", "int_parsing"),
        ("", "int_parsing"),
        ("1.5", "int_parsing"),
    ],
)
def test_a_limit_out_of_bounds_is_refused(client, family, limit, error_type):
    answer = client("GET", f"/v1/{family}?limit={limit}")
    assert answer.status == 400
    assert answer.json["error_type"] == "invalid_request"
    assert answer.problems == [(error_type, "query.limit")]


@each_row("family", ["files", "transcriptions"])
@each_row("cursor", ["x", "AAAA", "Zm9v", "%FF", "ZmlsZXM6", "bW9kZWxzOjE="])
def test_a_cursor_from_nowhere_is_refused(client, family, cursor):
    answer = client("GET", f"/v1/{family}?cursor={cursor}")
    assert (answer.status, answer.json["error_type"], answer.problems) == (400, "invalid_cursor", [])


@each_row("path", ["files?", "transcriptions?", "voices?", "shared-voices?model=tts-rt-v2&"])
def test_a_cursor_with_more_digits_than_python_reads_is_refused(client, path):
    family = path.split("?")[0].replace("-", "_")
    cursor = base64.urlsafe_b64encode(f"{family}:{'9' * 5000}".encode()).decode()
    answer = client("GET", f"/v1/{path}cursor={quote(cursor)}")
    assert (answer.status, answer.json["error_type"]) == (400, "invalid_cursor")


def test_a_cursor_of_another_list_is_refused(client):
    client.upload()
    client.upload()
    cursor = client("GET", "/v1/files?limit=1").json["next_page_cursor"]
    assert client("GET", f"/v1/transcriptions?cursor={cursor}").json["error_type"] == "invalid_cursor"
