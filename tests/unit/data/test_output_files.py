"""Files that audio is written to, where the file system allows less than usual."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxClient, SonioxError, SonioxValidationError
from tests.support.raw_server import Connection, RawServer, send_and_close, send_raw

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., int]

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CUT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.fixture
def write() -> Write:
    """Has ``hello`` written to a path."""

    def generate(path: Any, answer: Callable[[Connection], None] | None = None, **options: Any) -> int:
        with RawServer(answer or send_raw(WHOLE)) as server, SonioxClient("key", tts_api_base_url=server.url) as client:
            return client.tts.generate_to_file(path, text="Hello", voice="Nina", language="en", **options)

    return generate


def _refuse(number: int) -> Callable[..., None]:
    def refuse(*args: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.fixture
def locked_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no file be made, as in a folder that cannot be written to; root may write everywhere."""
    before = os.open  # which the built-in open() does not call

    def open_existing(path: Any, flags: int, *args: Any, **more: Any) -> int:
        if flags & os.O_CREAT and not os.path.exists(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return before(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", open_existing)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM], ids=errno.errorcode.get)
@pytest.mark.parametrize("keep_partial", [False, True])
def test_a_place_that_cannot_be_taken_is_written_to(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, keep_partial: bool
) -> None:
    monkeypatch.setattr(os, "replace", _refuse(number))
    path = tmp_path / "a.wav"
    path.write_bytes(b"older and longer")
    inode = path.stat().st_ino
    if keep_partial:
        with pytest.raises(SonioxError, match="cut off"):
            write(path, send_and_close(CUT), keep_partial=True)
    else:
        assert write(path) == 5
    assert (path.read_bytes(), path.stat().st_ino) == (b"hello", inode)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_new_file_whose_name_cannot_be_taken_is_written_to(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", _refuse(errno.EXDEV))
    assert write(tmp_path / "a.wav") == 5
    assert (tmp_path / "a.wav").read_bytes() == b"hello"
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.usefixtures("locked_folder")
class TestAFolderThatCannotBeWrittenTo:
    def test_a_file_in_it_gets_the_audio(self, write: Write, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"older and longer")
        assert write(path) == 5
        assert path.read_bytes() == b"hello"

    def test_a_failed_call_leaves_the_file(self, write: Write, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        with pytest.raises(SonioxError, match="cut off"):
            write(path, send_and_close(CUT))
        assert path.read_bytes() == b"old"

    def test_takes_no_new_one(self, write: Write, tmp_path: Path) -> None:
        with pytest.raises(SonioxValidationError, match="output cannot be written: Permission denied"):
            write(tmp_path / "a.wav")


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
class TestPermissions:
    def test_the_draft_is_for_no_more_people_than_the_file(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        path.chmod(0o640)
        modes: list[int] = []
        before = os.chmod

        def look_and_change(draft: Any, mode: int) -> None:
            modes.append(stat.S_IMODE(os.stat(draft).st_mode))
            before(draft, mode)
            modes.append(stat.S_IMODE(os.stat(draft).st_mode))

        monkeypatch.setattr(os, "chmod", look_and_change)
        write(path)
        assert modes == [0o600, 0o640]

    def test_rights_of_the_old_content_are_not_given_to_the_new(self, write: Write, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        path.chmod(0o6755)
        write(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o755

    def test_where_files_have_no_owners(self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "chown")
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        path.chmod(0o640)
        write(path)
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"hello", 0o640)

    def test_a_file_whose_owner_cannot_be_kept_is_written_to(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "chown", _refuse(errno.EPERM))
        path = tmp_path / "a.wav"
        path.write_bytes(b"old")
        inode = path.stat().st_ino
        write(path)
        assert (path.read_bytes(), path.stat().st_ino) == (b"hello", inode)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="descriptors have no paths")
class TestDescriptors:
    def test_what_stands_before_it_is_kept(self, write: Write, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_bytes(b"earlier ")
        (tmp_path / "link").symlink_to("/dev/fd")
        with log.open("ab") as stream:
            for path in (f"/dev/fd/{stream.fileno()}", tmp_path / "link" / str(stream.fileno())):
                assert write(path) == 5
        assert log.read_bytes() == b"earlier hellohello"

    def test_one_that_is_open_for_reading_is_refused(self, write: Write, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_bytes(b"earlier")
        with log.open("rb") as stream, pytest.raises(PermissionError, match="open for reading only") as caught:
            write(f"/dev/fd/{stream.fileno()}")
        assert caught.value.errno == errno.EACCES
        assert log.read_bytes() == b"earlier"

    def test_one_that_is_not_open_is_refused(self, write: Write) -> None:
        with pytest.raises(SonioxValidationError, match="Bad file descriptor"):
            write("/dev/fd/999999999")


def test_a_file_that_another_program_has_open_for_a_moment_is_replaced(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    inode, replace, refusals = path.stat().st_ino, os.replace, [errno.EACCES, errno.EACCES]

    def replace_later(source: str, target: str) -> None:
        if refusals:
            raise PermissionError(refusals.pop(), "The process cannot access the file")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_later)
    monkeypatch.setattr("soniox_lite._data.output_files.PAUSES_SEC", (0.001,) * 4)
    assert write(path) == 5
    # Otherwise the content would have been copied into it.
    assert (path.read_bytes(), path.stat().st_ino == inode, list(tmp_path.iterdir())) == (b"hello", False, [path])
