"""Tables of values that one test goes through."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def each_row(
    names: str | tuple[str, ...], rows: Iterable[Any], ids: Sequence[str] | Callable[[Any], object] | None = None
) -> Callable[[Any], Any]:
    """As ``pytest.mark.parametrize``, but one test for all rows, whose failure lists the rows that failed.

    For checks that keep nothing from row to row: fixtures are made once for the whole table.
    """
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = [_values(row, len(wanted)) for row in rows]
    assert table, "a table without rows tests nothing"
    shown = [ids[number] if isinstance(ids, Sequence) else _shown(row, ids) for number, row in enumerate(table)]

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def check_all(*args: Any, **fixtures: Any) -> None:
            failures: list[tuple[str, BaseException]] = []
            for name, values in zip(shown, table, strict=True):
                try:
                    check(*args, **fixtures, **dict(zip(wanted, values, strict=True)))
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


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if hasattr(row, "marks"):
        assert not row.marks, "a row with a mark needs a test of its own"
        return tuple(row.values)
    return (row,) if count == 1 else tuple(row)


def _shown(values: tuple[Any, ...], name_of: Callable[[Any], object] | None) -> str:
    return ", ".join(ascii(value)[:80] if name_of is None else str(name_of(value)) for value in values)
