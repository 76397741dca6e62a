"""The tests' own tables: a failure names its rows."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from tests.support.tables import each_row


def test_a_failure_names_the_rows_that_failed_and_the_others_were_tried() -> None:
    tried = []

    @each_row("number", [1, 2, 3, 4], ids=["one", "two", "three", "four"])
    def check(number: int) -> None:
        tried.append(number)
        assert number % 2

    with pytest.raises(
        AssertionError, match=r"2 of 4 rows failed\n\[two\] AssertionError.*\n(.*\n)*\[four\] "
    ) as caught:
        check()
    assert tried == [1, 2, 3, 4]
    assert isinstance(caught.value.__cause__, AssertionError)
    for ids, name in ((None, "5, 'a'"), (str, "5, a")):
        with pytest.raises(AssertionError, match=rf"1 of 1 rows failed\n\[{name}\] KeyError: 'a'"):
            each_row(("number", "text"), [(5, "a")], ids=ids)(_fail)()


def _fail(number: int, text: str) -> None:
    raise KeyError(text)


@each_row("value", ["1", "2"])
def test_some_fixtures_start_anew_with_each_row(
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert (os.environ.get("ROW"), list(tmp_path.iterdir()), capsys.readouterr().out, caplog.text) == (None, [], "", "")
    monkeypatch.setenv("ROW", value)
    (tmp_path / "file").touch()
    logging.getLogger("row").error(value)
    sys.stdout.write(value)
