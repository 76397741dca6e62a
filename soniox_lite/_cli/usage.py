"""``soniox-lite usage``: what was used and what it cost, as a table by model and a bar for each day."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from ..errors import SonioxAPIError
from . import terminal as screen
from .clients import open_client
from .listings import duration_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from datetime import date

    from ..types.usage import UsageSummaryEntry

_DEFAULT_DAYS = 30
_DAY = timedelta(days=1)
_LEAST_SHOWN = Decimal("0.0001")
_LONGEST_BAR = 60
# What has more digits is no amount that was ever paid, and may have a billion of them.
_MOST_DIGITS = 20
_LONGEST_TEXT = 24
# Nothing to seven eighths of a character; then come full ones.
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show_usage(options: argparse.Namespace) -> int:
    """Prints the usage of some days; the exit code."""
    first, end = _window(options)
    with open_client(options) as client:
        summary = client.usage.summary(first, end)
    if options.json:
        screen.write_json(summary.to_dict())
    elif not summary.models:
        screen.say(f"nothing was used from {first} to {end - _DAY}")
    else:
        _write_models([*summary.models, summary.total])
        screen.write("")
        _write_days(summary.total)
    return 0


def _window(options: argparse.Namespace) -> tuple[date, date]:
    """The first day, and the day after the last.

    Raises:
        CommandError: The options contradict each other.
    """
    if options.days is not None and (options.first_day or options.last_day):
        raise screen.CommandError("--days excludes --from and --to", exit_code=2)
    last: date = options.last_day or datetime.now(timezone.utc).date()
    if options.first_day and options.first_day > last:
        raise screen.CommandError("--from must not be after --to", exit_code=2)
    try:
        return options.first_day or last - _DAY * ((options.days or _DEFAULT_DAYS) - 1), last + _DAY
    except OverflowError as error:
        raise screen.CommandError("--to is too near to an end of the calendar", exit_code=2) from error


def _write_models(entries: Sequence[UsageSummaryEntry]) -> None:
    columns = [
        ["REQUESTS", *(str(entry.total_num_requests) for entry in entries)],
        ["AUDIO IN", *(duration_text(entry.total_input_audio_duration_ms) for entry in entries)],
        ["AUDIO OUT", *(duration_text(entry.total_output_audio_duration_ms) for entry in entries)],
        ["USD IN", *(_cost_text(entry, "total_input_cost") for entry in entries)],
        ["USD OUT", *(_cost_text(entry, "total_output_cost") for entry in entries)],
        ["USD", *(_cost_text(entry, "total_cost") for entry in entries)],
    ]
    names = ["MODEL", *(entry.model or "total" for entry in entries)]
    header, *rows = zip(names, *map(_right_aligned, columns), strict=True)
    screen.write_table(header, rows)


def _write_days(total: UsageSummaryEntry) -> None:
    try:
        costs = total.cost
        texts = [_rounded(cost) for cost in costs]
    except SonioxAPIError:
        # Amounts that are no numbers are shown as they came, and no bar for any.
        costs = [Decimal(0)] * len(total.cost_usd)
        texts = [screen.printable(text)[:_LONGEST_TEXT] for text in total.cost_usd]
    most = max(costs, default=Decimal(0))
    amounts = _right_aligned(texts)
    room = screen.size_of("stdout")[0] - len(f"2026-04-01  {max(amounts, key=len, default='')}  ") - 1
    room = min(room, _LONGEST_BAR)
    draw = _block_bar if _can_show(_EIGHTHS) else _ascii_bar
    for day, cost, amount in zip(total.days, costs, amounts, strict=False):
        bar = draw(cost / most * room) if cost > 0 and room > 0 else ""
        screen.write(f"{day}  {amount}  {bar}".rstrip())


def _block_bar(length: Decimal) -> str:
    """A bar so many characters long, to an eighth of one; never nothing."""
    full, rest = divmod(max(int(length * 8), 1), 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def _ascii_bar(length: Decimal) -> str:
    return "#" * max(int(length), 1)


def _can_show(text: str) -> bool:
    """Whether standard output's encoding knows these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _cost_text(entry: UsageSummaryEntry, name: str) -> str:
    """One of an entry's amounts, or as much of it as the service sent, if that is no number."""
    try:
        return _rounded(getattr(entry, name))
    except SonioxAPIError:
        return str(getattr(entry, f"{name}_usd"))[:_LONGEST_TEXT]


def _rounded(amount: Decimal) -> str:
    """US dollars with four decimals; ``<0.0001`` for what is less, but not nothing."""
    if amount.adjusted() > _MOST_DIGITS:
        return f"{amount:.4E}"
    return f"<{_LEAST_SHOWN}" if 0 < amount < _LEAST_SHOWN else f"{amount:.4f}"


def _right_aligned(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells), default=0)
    return [cell.rjust(width) for cell in cells]
