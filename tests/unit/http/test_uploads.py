"""Uploads: from whatever holds bytes, under whatever name, with progress, once or repeated."""

from __future__ import annotations

import array
import email
import email.policy
import errno
import functools
import http.client
import io
import os
import socket
import string
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from soniox_lite import SonioxConnectionError, SonioxError, SonioxValidationError
from soniox_lite._data.input_files import normalize_file
from soniox_lite._http.body import MultipartBody, quote_parameter
from soniox_testing import FakeSoniox
from tests.support.raw_server import Connection, RawServer, close, refused_port, reply
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 128 * 1024
CONTENT = bytes(range(256)) * 1500 + b"tail"


class ReadOnly:
    """A stream that has nothing but read()."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def read(self, size: int) -> Any:
        return self._stream.read(size)


class Foreign(ReadOnly):
    """A stream of another library: like one of Python's, but for what ``seek`` does."""

    def __init__(self, content: bytes, seek: Callable[[io.BytesIO, int, int], Any], *, claims: bool = True) -> None:
        super().__init__(content)
        self._seek = seek
        if claims:
            self.seekable = lambda: True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0) -> Any:
        return self._seek(self._stream, offset, whence)


def _from_start_only(stream: io.BytesIO, offset: int, whence: int, error: Exception | None = None) -> int:
    if whence:
        raise error or NotImplementedError("only from the start")
    return stream.seek(offset)


def _never(_stream: io.BytesIO, _offset: int, _whence: int, error: type[Exception] = OSError) -> int:
    raise error("illegal seek")


def _gives(value: object) -> Any:
    def seek(stream: io.BytesIO, offset: int, whence: int) -> object:
        stream.seek(offset, whence)
        return value

    return seek


# What seek() does, whether the length can be announced, and whether the body can be sent again.
FOREIGN: dict[str, tuple[Any, bool, bool]] = {
    "gives nothing": (_gives(None), True, True),
    "gives a status": (_gives(0), False, True),
    "cannot count from the end": (_from_start_only, False, True),
    "calls that a wrong value": (functools.partial(_from_start_only, error=ValueError("whence")), False, True),
    "knows no whence": (functools.partial(_from_start_only, error=TypeError("takes 1 argument")), False, True),
    "cannot": (_never, False, False),
    "is not implemented": (functools.partial(_never, error=NotImplementedError), False, False),
}


class Lying(io.BytesIO):
    """A stream whose size changes after it was asked for."""

    def __init__(self, content: bytes, actual: bytes) -> None:
        super().__init__(content)
        self._actual = io.BytesIO(actual)

    def read(self, size: int | None = -1) -> bytes:
        return self._actual.read(size)


class Failing(io.BytesIO):
    """A stream that fails in the middle."""

    def __init__(self, error: BaseException, *, after: int = 1) -> None:
        super().__init__(bytes(BLOCK * 4))
        self._error = error
        self._left = after

    def read(self, size: int | None = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise self._error
        return super().read(size)


class Returning(ReadOnly):
    """A stream whose read() gives something else."""

    def __init__(self, value: Any) -> None:
        super().__init__(b"")
        self._value = value

    def read(self, size: int) -> Any:
        return self._value() if callable(self._value) else self._value


def parts_of(request: Any) -> list[Any]:
    """The parts of a multipart request as Python's own parser understands them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    assert message.is_multipart()
    assert not message.defects
    return list(message.iter_parts())  # type: ignore[attr-defined]


def file_of(request: Any) -> bytes:
    """The content of the only part."""
    (part,) = parts_of(request)
    content: bytes = part.get_payload(decode=True)
    return content


def standing(content: bytes, position: int) -> io.BytesIO:
    """A stream that was read up to there."""
    stream = io.BytesIO(content)
    stream.seek(position)
    return stream


# Each from a path to a file that holds CONTENT.
SOURCES: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda _: CONTENT,
    "bytearray": lambda _: bytearray(CONTENT),
    "memoryview": lambda _: memoryview(CONTENT),
    "memoryview with gaps": lambda _: memoryview(bytes(b for byte in CONTENT for b in (byte, 0)))[::2],
    "array": lambda _: memoryview(array.array("i", CONTENT)),
    "str path": str,
    "path": lambda path: path,
    "stream": lambda _: io.BytesIO(CONTENT),
    "stream from where it stands": lambda _: standing(b"before" + CONTENT, 6),
    "unseekable": lambda _: ReadOnly(CONTENT),
}
EMPTY_SOURCES: dict[str, Callable[[], Any]] = {
    "bytes": bytes,
    "stream": io.BytesIO,
    "stream beyond its end": lambda: standing(b"abc", 10),
    "unseekable": lambda: ReadOnly(b""),
}


class TestSources:
    @each_row("name", SOURCES)
    def test_all_of_it_arrives(self, connect: Any, tmp_path: Path, name: str) -> None:
        (tmp_path / "a.wav").write_bytes(CONTENT)
        with RawServer(reply()) as server:
            connect(server).upload(SOURCES[name](tmp_path / "a.wav"))
        (request,) = server.requests
        assert file_of(request) == (array.array("i", CONTENT).tobytes() if name == "array" else CONTENT)
        is_chunked = name == "unseekable"
        assert request.headers.get("transfer-encoding") == ("chunked" if is_chunked else None)
        assert request.headers.get("content-length") == (None if is_chunked else str(len(request.body)))

    @each_row("name", EMPTY_SOURCES)
    def test_nothing_arrives_as_nothing(self, connect: Any, name: str) -> None:
        with RawServer(reply()) as server:
            connect(server).upload(EMPTY_SOURCES[name]())
        assert file_of(server.requests[0]) == b""

    def test_a_file_is_sent_from_where_it_stands_and_stays_open(self, connect: Any, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(CONTENT)
        with RawServer(then=reply()) as server, open(tmp_path / "a.wav", "rb") as file:
            file.seek(10)
            connect(server).upload(file)
            assert not file.closed
        (part,) = parts_of(server.requests[0])
        assert part.get_filename() == "a.wav"
        assert part.get_payload(decode=True) == CONTENT[10:]

    def test_a_pipe_is_sent_while_it_is_written(self, connect: Any) -> None:
        reading, writing = os.pipe()

        def write() -> None:
            with open(writing, "wb") as pipe:
                pipe.write(CONTENT)

        writer = threading.Thread(target=write)
        writer.start()
        with RawServer(reply()) as server, open(reading, "rb") as pipe:
            connect(server).upload(pipe)
        writer.join()
        assert file_of(server.requests[0]) == CONTENT

    def test_a_socket_can_be_a_source(self, connect: Any) -> None:
        ours, theirs = socket.socketpair()
        with theirs, ours, ours.makefile("rb") as stream:
            theirs.sendall(b"sound")
            theirs.shutdown(socket.SHUT_WR)
            with RawServer(reply()) as server:
                connect(server).upload(stream)
        assert file_of(server.requests[0]) == b"sound"

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_a_stream_may_give_any_bytes_like(self, connect: Any, kind: Any) -> None:
        class Stream(ReadOnly):
            def read(self, size: int) -> Any:
                return kind(super().read(size))

        with RawServer(reply()) as server:
            connect(server).upload(Stream(CONTENT))
        assert file_of(server.requests[0]) == CONTENT

    def test_a_path_is_closed_also_when_the_upload_fails(self, connect: Any, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(CONTENT)
        with RawServer(close) as server, pytest.raises(SonioxConnectionError):
            connect(server).upload(tmp_path / "a.wav")

    def test_fields_and_files_travel_together(self, connect: Any) -> None:
        with RawServer(reply()) as server:
            connect(server).request(
                "POST",
                "/x",
                data={"one": "1 ü\r\n--x", "none": None, "number": 5},
                files={"file": ("ä.wav", b"sound", "audio/wav"), "other": b"more"},
            )
        one, number, file, other = parts_of(server.requests[0])
        assert one.get_payload(decode=True).decode() == "1 ü\r\n--x"
        assert (one.get_param("name", header="content-disposition"), number.get_payload()) == ("one", "5")
        assert (file.get_content_type(), file.get_payload(decode=True)) == ("audio/wav", b"sound")
        assert (other.get_content_type(), other.get_filename()) == ("application/octet-stream", "upload.bin")

    def test_the_fake_understands_it(self, connect: Any, tmp_path: Path) -> None:
        path = tmp_path / 'Gespräch "1".wav'
        path.write_bytes(CONTENT)
        with FakeSoniox(audio="any") as fake:
            caller = connect(fake.url)
            file = caller.run(lambda client: client.files.upload(path, client_reference_id="mine"))
            caller.close()
            assert (file.size, file.client_reference_id) == (len(CONTENT), "mine")
            assert file.filename == path.name


class TestRefusedSources:
    @each_row("value", [None, 5, object(), ["a"], {"a": 1}, 1.5])
    def test_what_holds_no_bytes_is_refused(self, connect: Any, value: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="file must be a path, bytes or a"):
            connect(server).upload(value)

    def test_a_path_is_shown_whole_up_to_120_characters(self) -> None:
        # The quotes count.
        longest = "/" + "x" * 117
        with pytest.raises(SonioxValidationError) as whole:
            normalize_file(longest, None)
        with pytest.raises(SonioxValidationError) as cut:
            normalize_file(longest + "x", None)
        assert str(whole.value).endswith(f": '{longest}'")
        assert longest not in str(cut.value)
        assert f": '/{'x' * 58}...{'x' * 39}'" in str(cut.value)

    @each_row("path", ["/does/not/exist", "/", "a\0b", "a" * 5000, "", Path("/does/not/exist")])
    def test_a_path_that_cannot_be_opened_is_refused(self, connect: Any, path: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="file cannot be opened"):
            connect(server).upload(path)

    def test_a_closed_stream_is_refused(self, connect: Any) -> None:
        stream = io.BytesIO(b"abc")
        stream.close()
        with RawServer() as server, pytest.raises(SonioxValidationError, match=r"file cannot be read: .*closed"):
            connect(server).upload(stream)

    @each_row("name", [5, b"a.wav", ["a"]])
    def test_a_name_that_is_no_text_is_refused(self, connect: Any, name: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="filename must be a str"):
            connect(server).upload(b"sound", name)

    @each_row("value", [(), ("a",), ("a", b"", "b", "c")])
    def test_a_tuple_of_another_size_is_refused(self, connect: Any, value: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="files\\['file'\\] must be"):
            connect(server).request("POST", "/x", files={"file": value})

    @each_row("content_type", ["a/b\r\nX: y", "a/b\n\n", "ü", "a\0", 5])
    def test_a_content_type_cannot_smuggle_headers(self, connect: Any, content_type: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="content_type must be a MIME type"):
            connect(server).request("POST", "/x", files={"file": ("a", b"", content_type)})

    @each_row("options", [
        {"data": {"a": "\ud800"}}, {"data": {"a": "\ud800"}, "files": {"file": b""}}, {"params": {"a": "\ud800"}},
        {"json": {"a": "\ud800"}}, {"json": {"a": float("nan")}}, {"json": {"a": object()}}, {"json": {(1,): 2}},
        {"json": {}, "data": {}}, {"json": {}, "files": {}},
    ])  # fmt: skip
    def test_what_cannot_be_written_down_is_refused(self, connect: Any, options: dict[str, Any]) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError):
            connect(server).request("POST", "/x", **options)

    def test_a_value_that_contains_itself_is_refused(self, connect: Any) -> None:
        loop: list[Any] = []
        loop.append(loop)
        with RawServer() as server, pytest.raises(SonioxValidationError, match="json cannot be written"):
            connect(server).request("POST", "/x", json=loop)


class TestStreamsThatFail:
    """What a stream does wrong is said of the stream, not of the network, and is not tried again."""

    @each_row("error", [
        OSError(errno.EIO, "Input/output error"), ConnectionResetError("the stream's own"), TimeoutError("its own"),
        BrokenPipeError(), ValueError("its own"), http.client.IncompleteRead(b""), EOFError("compressed"),
        io.UnsupportedOperation("read"), RuntimeError("its own"),
    ])  # fmt: skip
    @each_row("after", [0, 1])
    def test_an_error_in_the_middle_names_the_stream(self, connect: Any, error: Exception, after: int) -> None:
        with RawServer(then=reply()) as server:
            with pytest.raises(SonioxValidationError, match="file cannot be read") as caught:
                connect(server).upload(Failing(error, after=after))
            assert caught.value.__cause__ is error
        assert len(server.requests) <= 1

    def test_a_stream_that_shrank_is_not_padded(self, connect: Any) -> None:
        problem = "ended 5 bytes before its length of 10"
        with RawServer(then=reply()) as server, pytest.raises(SonioxValidationError, match=problem):
            connect(server).upload(Lying(b"0123456789", b"01234"))
        assert len(server.requests) <= 1

    @pytest.mark.parametrize("actual", [b"0123456789 and more", b"0123456789" + bytes(BLOCK)])
    def test_a_stream_that_grew_is_sent_as_long_as_it_was(self, connect: Any, actual: bytes) -> None:
        with RawServer(reply(), reply(b"next")) as server:
            caller = connect(server)
            caller.upload(Lying(b"0123456789", actual))
            assert caller.request("GET").content == b"next"
        assert file_of(server.requests[0]) == b"0123456789"

    def test_a_stream_that_gives_more_than_it_was_asked_for_is_cut(self, connect: Any) -> None:
        class Generous(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(size) + b"more"

        with RawServer(reply(), reply(b"next")) as server:
            caller = connect(server)
            caller.upload(Generous(b"0123456789"))
            assert caller.request("GET").content == b"next"
        assert file_of(server.requests[0]) == b"0123456789"

    @each_row("stream", [io.StringIO("text"), Returning("text"), Returning("")])
    def test_a_text_stream_is_told_from_a_binary_one(self, connect: Any, stream: Any) -> None:
        with RawServer(then=reply()) as server, pytest.raises(SonioxValidationError, match="is open as text"):
            connect(server).upload(stream)

    @each_row("value", [None, 5, [b"a"], object()])
    def test_a_read_that_gives_something_else_is_refused(self, connect: Any, value: Any) -> None:
        with RawServer(then=reply()) as server, pytest.raises(SonioxValidationError, match="instead of bytes"):
            connect(server).upload(Returning(value))

    def test_an_async_stream_is_refused(self, connect: Any) -> None:
        async def read() -> bytes:
            return b""

        coroutines: list[Any] = []

        def start() -> Any:
            coroutines.append(read())
            return coroutines[-1]

        with (
            RawServer(then=reply()) as server,
            pytest.raises(SonioxValidationError, match="coroutine instead of bytes"),
        ):
            connect(server).upload(Returning(start))
        coroutines[0].close()


class TestNames:
    @each_row(
        ("name", "sent"),
        [
            ("a.wav", "a.wav"),
            ("Gespräch 日本語 🎧.wav", "Gespräch 日本語 🎧.wav"),
            ('a"b.wav', "a%22b.wav"),
            ('a"; name="other', "a%22; name=%22other"),
            ("a\r\nX-Evil: 1\r\n\r\nbody", "a%0D%0AX-Evil: 1%0D%0A%0D%0Abody"),
            ("a\0b\x7f\x1b", "a%00b%7F%1B"),
            ("\udcff\ud800.wav", "??.wav"),
            ("a\\b\\", "a\\b\\"),
            ("a%22b", "a%22b"),
            ("../../etc/passwd", "../../etc/passwd"),
            ("a" * 100_000, "a" * 100_000),
            ("", "upload.bin"),
        ],
    )  # fmt: skip
    def test_a_name_arrives_and_cannot_break_out(self, connect: Any, name: str, sent: str) -> None:
        with RawServer(reply()) as server:
            connect(server).upload(b"sound", name)
        (request,) = server.requests
        boundary = request.headers["content-type"].partition("boundary=")[2].encode()
        head, _, rest = request.body.partition(b"\r\n\r\n")
        assert head == (
            b"--%b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%b\"\r\n"
            b"Content-Type: application/octet-stream" % (boundary, sent.encode())
        )  # fmt: skip
        assert rest == b"sound\r\n--%b--\r\n" % boundary

    @given(st.text(st.characters(codec=None)))
    def test_any_name_stays_within_its_quotes(self, name: str) -> None:
        quoted = quote_parameter(name)
        quoted.encode()
        assert not set(quoted) & {'"', "\x7f", *map(chr, range(32))}

    @each_row(("path", "sent"), [("talk.wav", "talk.wav"), ("dir/talk.wav", "talk.wav"), ("ünï.wav", "ünï.wav")])
    def test_a_path_gives_its_last_part(self, connect: Any, tmp_path: Path, path: str, sent: str) -> None:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"sound")
        with RawServer(then=reply()) as server:
            caller = connect(server)
            caller.upload(str(tmp_path / path))
            with open(tmp_path / path, "rb") as file:
                caller.upload(file)
            caller.upload(tmp_path / path, "other.wav")
        for request, name in zip(server.requests, [sent, sent, "other.wav"], strict=True):
            assert f'filename="{name}"'.encode() in request.body

    def test_a_name_that_is_not_utf8_can_be_opened(self, connect: Any, tmp_path: Path) -> None:
        path = os.fsencode(tmp_path) + b"/\xff.wav"
        try:
            Path(os.fsdecode(path)).write_bytes(b"sound")
        except OSError:
            pytest.skip("this file system wants UTF-8")
        with RawServer(reply()) as server:
            connect(server).upload(os.fsdecode(path))
        assert b'filename="?.wav"' in server.requests[0].body

    @each_row("own_name", [5, None, b"x", ""])
    def test_a_stream_without_a_usable_name_has_the_default(self, connect: Any, own_name: Any) -> None:
        stream = ReadOnly(b"sound")
        stream.name = own_name  # type: ignore[attr-defined]
        with RawServer(reply()) as server:
            connect(server).upload(stream)
        assert b'filename="upload.bin"' in server.requests[0].body


class TestProgress:
    @each_row(("size", "expected"), [
        (0, []), (1, [1]), (BLOCK, [BLOCK]), (BLOCK + 1, [BLOCK, BLOCK + 1]),
        (3 * BLOCK, [BLOCK, 2 * BLOCK, 3 * BLOCK]),
    ])  # fmt: skip
    @each_row("seekable", [True, False])
    def test_it_counts_the_files_bytes(self, connect: Any, size: int, expected: list[int], seekable: bool) -> None:
        seen: list[tuple[int, int | None]] = []
        source = io.BytesIO(bytes(size)) if seekable else ReadOnly(bytes(size))
        with RawServer(reply()) as server:
            connect(server).upload(source, on_progress=lambda sent, total: seen.append((sent, total)))
        assert seen == [(sent, size if seekable else None) for sent in expected]

    def test_several_files_count_as_one(self, connect: Any) -> None:
        seen: list[tuple[int, int | None]] = []
        with RawServer(reply()) as server:
            connect(server).request("POST", "/x", files={"a": bytes(10), "b": bytes(5)},
                                    on_progress=lambda sent, total: seen.append((sent, total)))  # fmt: skip
        assert seen == [(10, 15), (15, 15)]

    def test_it_starts_again_when_the_upload_does(self, connect: Any) -> None:
        seen: list[int] = []
        with RawServer(reply(b"", "503 Busy"), reply()) as server:
            connect(server).upload(bytes(BLOCK + 1), on_progress=lambda sent, _: seen.append(sent))
        assert seen == [BLOCK, BLOCK + 1] * 2

    def test_it_is_called_where_the_caller_is(self, connect: Any) -> None:
        threads: set[threading.Thread] = set()
        with RawServer(reply()) as server:
            connect(server).upload(bytes(BLOCK), on_progress=lambda *_: threads.add(threading.current_thread()))
        assert threads == {threading.main_thread()}

    @each_row("error", [RuntimeError("mine"), BrokenPipeError("mine"), TimeoutError("mine"),
                                       ConnectionResetError("mine"), ValueError("mine"),
                                       http.client.HTTPException("mine")])  # fmt: skip
    @each_row("blocks", [1, 8])
    def test_what_it_raises_ends_the_upload_and_reaches_the_caller(
        self, connect: Any, error: Exception, blocks: int
    ) -> None:
        def fail(sent: int, total: int | None) -> None:
            raise error

        with RawServer(then=reply()) as server:
            with pytest.raises(type(error), match="mine") as caught:
                connect(server).upload(bytes(BLOCK * blocks), on_progress=fail)
            # asyncio makes a new one of a TimeoutError.
            assert caught.value is error or (isinstance(error, TimeoutError) and connect.surface == "async")
        assert len(server.requests) <= 1


class TestRepeating:
    @pytest.mark.parametrize("status", [429, 503])
    def test_what_can_be_rewound_is_sent_again_byte_by_byte(self, connect: Any, tmp_path: Path, status: int) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(CONTENT)
        for source in (CONTENT, path, standing(b"before" + CONTENT, 6)):
            with RawServer(reply(b"", f"{status} Busy"), reply(b"", f"{status} Busy"), reply()) as server:
                assert connect(server).upload(source).status_code == 200
            assert len({request.body for request in server.requests}) == 1
            assert file_of(server.requests[2]) == CONTENT

    def test_what_cannot_be_rewound_is_sent_once(self, connect: Any, pauses: list[float]) -> None:
        with RawServer(reply(b"", "503 Busy")) as server:
            assert connect(server).upload(ReadOnly(CONTENT)).status_code == 503
        assert pauses == []

    def test_one_stream_that_cannot_be_rewound_is_enough(self, connect: Any) -> None:
        with RawServer(reply(b"", "503 Busy")) as server:
            response = connect(server).request("POST", "/x", files={"a": b"x", "b": ReadOnly(b"y")})
        assert response.status_code == 503

    @each_row("claims", [True, False], ids=["seekable", "does not say"])
    @each_row(("seek", "is_announced", "is_repeatable"), FOREIGN.values(), ids=FOREIGN)
    def test_streams_of_other_libraries(
        self, connect: Any, seek: Any, is_announced: bool, is_repeatable: bool, claims: bool
    ) -> None:
        source = Foreign(b"before" + CONTENT, seek, claims=claims)
        source.read(6)
        with RawServer(reply(b"", "503 Busy"), reply()) as server:
            assert connect(server).upload(source).status_code == (200 if is_repeatable else 503)
        assert [file_of(request) == CONTENT for request in server.requests] == [True] * (1 + is_repeatable)
        for request in server.requests:
            length = request.headers.get("content-length")
            assert length == (str(len(request.body)) if is_announced else None)
            assert request.headers.get("transfer-encoding") == (None if is_announced else "chunked")

    def test_a_member_of_an_archive_that_comes_through_a_pipe(self, connect: Any) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo("a.wav")
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
        with tarfile.open(fileobj=ReadOnly(packed.getvalue()), mode="r|") as archive:  # type: ignore[call-overload]
            first = archive.next()
            with RawServer(reply(b"", "503 Busy")) as server:
                # It says that it can seek, and cannot be read again.
                assert connect(server).upload(archive.extractfile(first)).status_code == 503
        assert file_of(server.requests[0]) == CONTENT

    def test_a_stream_that_stays_at_its_end_is_refused(self, connect: Any) -> None:
        moves = iter([None, None])

        def seek(stream: io.BytesIO, offset: int, whence: int) -> Any:
            stream.seek(offset, whence)
            return next(moves)  # The third time it fails.

        with pytest.raises(SonioxValidationError, match="file cannot be read"):
            connect("http://127.0.0.1:9").upload(Foreign(CONTENT, seek))

    def test_nothing_read_can_be_tried_again(self, connect: Any, pauses: list[float]) -> None:
        with pytest.raises(SonioxConnectionError):
            connect(f"http://127.0.0.1:{refused_port()}").upload(ReadOnly(CONTENT))
        assert len(pauses) == 2

    def test_a_lost_answer_is_not_asked_for_again(self, connect: Any) -> None:
        with RawServer(close) as server, pytest.raises(SonioxConnectionError):
            connect(server).upload(CONTENT)
        assert len(server.requests) == 1

    def test_a_stream_closed_meanwhile_is_refused(self, connect: Any) -> None:
        stream = io.BytesIO(CONTENT)

        def closing(connection: Connection) -> None:
            connection.read_body()
            stream.close()
            reply(b"", "503 Busy")(connection)

        with RawServer(closing, then=reply()) as server, pytest.raises(SonioxValidationError, match="cannot be read"):
            connect(server).upload(stream)


def test_a_body_that_was_read_cannot_be_iterated_again() -> None:
    body = MultipartBody({}, {"file": ("a", ReadOnly(b"x"), "text/plain")})  # type: ignore[dict-item]
    assert body.repeatable
    assert b"".join(body)
    assert not body.repeatable
    with pytest.raises(SonioxValidationError, match="cannot be rewound"):
        next(iter(body))


class TestPaths:
    @each_row("path", [
        "https://evil.com/", "//evil.com", "/a/../b", "../x", "/..", "/a b", "/ü", "/a\r\nX: y", "/a#b",
        "/a\\b", "/\x7f", None, 5, b"/files",
    ])  # fmt: skip
    def test_a_path_cannot_leave_the_api(self, connect: Any, path: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="path must"):
            connect(server).request("GET", path)

    @each_row("method", ["", "GET /x HTTP/1.1\r\n", "G T", "GÉT", None, 5, b"GET"])
    def test_a_method_is_a_word(self, connect: Any, method: Any) -> None:
        with RawServer() as server, pytest.raises(SonioxValidationError, match="method must"):
            connect(server).request(method)


def test_nothing_but_soniox_errors_leaves_for_any_text(connect: Any) -> None:
    with RawServer(then=reply()) as server:
        caller = connect(server)
        for text in (string.printable, "\ud800", "\0", "é", "\r\n", "%", "?", "&=#"):
            for options in ({"params": {text: text}}, {"data": {text: text}}, {"files": {text: (text, b"")}}):
                try:
                    assert caller.request("POST", "/x", **options).status_code == 200
                except SonioxError as error:
                    assert isinstance(error, SonioxValidationError)  # noqa: PT017 - it need not be raised
