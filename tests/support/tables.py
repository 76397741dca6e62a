"""Tables of values that one test goes through."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def each_row(names: str | tuple[str, ...], rows: Iterable[Any], ids: object = None) -> Callable[[Any], Any]:
    """As ``pytest.mark.parametrize``, but one test for all rows, whose failure lists the rows that failed.

    For checks that keep nothing from row to row: fixtures are made once for the whole table.
    """
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = list(rows)

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def check_all(*args: Any, **fixtures: Any) -> None:
            failures = []
            for row in table:
                values = _values(row, len(wanted))
                try:
                    check(*args, **fixtures, **dict(zip(wanted, values, strict=True)))
                except (Exception, pytest.fail.Exception) as error:
                    shown = ", ".join(ascii(value)[:80] for value in values)
                    failures.append(f"[{shown}] {type(error).__name__}: {error}")
            assert not failures, f"{len(failures)} of {len(table)} rows failed\n" + "\n".join(failures)

        signature = inspect.signature(check)
        parameters = [parameter for name, parameter in signature.parameters.items() if name not in wanted]
        check_all.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return check_all

    assert table, "a table without rows tests nothing"
    return decorate


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if hasattr(row, "marks"):
        assert not row.marks, "a row with a mark needs a test of its own"
        return tuple(row.values)
    return (row,) if count == 1 else tuple(row)
