"""Tables of values that one test goes through."""

from __future__ import annotations

import contextlib
import functools
import inspect
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest


def each_row(
    names: str | tuple[str, ...], rows: Iterable[Any], ids: Iterable[str] | Callable[[Any], object] | None = None
) -> Callable[[Any], Any]:
    """As ``pytest.mark.parametrize``, but one test for all rows, whose failure lists the rows that failed.

    For checks that keep nothing from row to row: fixtures are made once for the whole table. Only these start anew with
    each row: ``monkeypatch`` is undone, ``tmp_path`` is an empty folder, and what was captured or logged is forgotten.
    """
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = [_values(row, len(wanted)) for row in rows]
    assert table, "a table without rows tests nothing"
    shown = [_shown(row, ids) for row in table] if ids is None or callable(ids) else list(ids)

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def check_all(*args: Any, **fixtures: Any) -> None:
            failures: list[tuple[str, BaseException]] = []
            for name, values in zip(shown, table, strict=True):
                try:
                    with _renewed(fixtures) as renewed:
                        check(*args, **renewed, **dict(zip(wanted, values, strict=True)))
                except (Exception, pytest.fail.Exception) as error:
                    failures.append((name, error))
            if failures:
                lines = [f"[{name}] {type(error).__name__}: {error}" for name, error in failures]
                # From the first, so that its traceback is shown too.
                raise AssertionError(f"{len(failures)} of {len(table)} rows failed\n" + "\n".join(lines)) from failures[
                    0
                ][1]

        signature = inspect.signature(check)
        parameters = [parameter for name, parameter in signature.parameters.items() if name not in wanted]
        check_all.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return check_all

    return decorate


@contextlib.contextmanager
def _renewed(fixtures: dict[str, Any]) -> Iterator[dict[str, Any]]:
    renewed = dict(fixtures)
    with contextlib.ExitStack() as stack:
        if "monkeypatch" in fixtures:
            renewed["monkeypatch"] = stack.enter_context(pytest.MonkeyPatch.context())
        if "tmp_path" in fixtures:
            renewed["tmp_path"] = Path(tempfile.mkdtemp(dir=fixtures["tmp_path"]))
        for name in fixtures.keys() & {"capsys", "capfd"}:
            fixtures[name].readouterr()
        if "caplog" in fixtures:
            fixtures["caplog"].clear()
        yield renewed


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if hasattr(row, "marks"):
        assert not row.marks, "a row with a mark needs a test of its own"
        return tuple(row.values)
    return (row,) if count == 1 else tuple(row)


def _shown(values: tuple[Any, ...], name_of: Callable[[Any], object] | None) -> str:
    return ", ".join(ascii(value)[:80] if name_of is None else str(name_of(value)) for value in values)
