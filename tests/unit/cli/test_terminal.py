"""Standard output on Windows, where a file or a pipe would get an old code page."""

from __future__ import annotations

import io
import sys

import pytest

from soniox_lite._cli import terminal


class Output(io.TextIOWrapper):
    """Standard output as Python opens it there."""

    def __init__(self, *, to_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="cp1252", newline="")
        self._to_terminal = to_terminal

    def isatty(self) -> bool:
        return self._to_terminal


@pytest.mark.parametrize(
    ("to_terminal", "variable", "encoding"),
    [(False, None, "utf-8"), (False, "cp1252", "cp1252"), (True, None, "cp1252")],
    ids=["redirected", "with PYTHONIOENCODING", "terminal"],
)
def test_redirected_output_is_utf8_on_windows(
    monkeypatch: pytest.MonkeyPatch, to_terminal: bool, variable: str | None, encoding: str
) -> None:
    output = Output(to_terminal=to_terminal)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", None)
    if variable is None:
        monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    else:
        monkeypatch.setenv("PYTHONIOENCODING", variable)
    terminal.prepare()
    terminal.write("€ 世")
    assert output.encoding == encoding
    written = output.buffer
    assert isinstance(written, io.BytesIO)
    assert written.getvalue() == "€ 世\n".encode(encoding, "replace")
