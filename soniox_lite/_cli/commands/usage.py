"""``soniox-lite usage``: prints usage and cost, as a table by model and a bar chart by day."""

from __future__ import annotations

import argparse
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from ...errors import SonioxAPIError
from .. import options as shared, terminal as screen
from ..clients import open_client
from ..listings import duration_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...types.usage import UsageSummaryEntry

EXAMPLE = "usage --from 2026-04-01 --to 2026-04-30"

_DEFAULT_DAYS = 30
_MAX_DAYS = 366
_DAY = timedelta(days=1)
_MIN_SHOWN = Decimal("0.0001")
_MAX_BAR_CHARS = 60
# Longer amounts are shown with an exponent: written out, they could have a billion digits.
_MAX_DIGITS = 20
_MAX_TEXT_CHARS = 24
# The last character of a bar, by eighths of its width; the characters before it are full.
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(parser, "Days are in UTC; at most 366 of them.")
    parser.add_argument("--days", type=_day_count, metavar="N", help="the last N days including today (default: 30)")
    parser.add_argument("--from", type=_day, dest="first_day", metavar="DATE", help="the first day")
    parser.add_argument("--to", type=_day, dest="last_day", metavar="DATE", help="the last day (default: today)")
    shared.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the usage of the given days. Returns exit code 0; errors are raised."""
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
        raise screen.CommandError("--days cannot be combined with --from or --to", exit_code=2)
    last: date = options.last_day or datetime.now(timezone.utc).date()
    if options.first_day and options.first_day > last:
        raise screen.CommandError("--from must not be after --to", exit_code=2)
    try:
        return options.first_day or last - _DAY * ((options.days or _DEFAULT_DAYS) - 1), last + _DAY
    except OverflowError as error:
        raise screen.CommandError("--to is too close to the first or last supported date", exit_code=2) from error


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
        # If an amount is not a number, amounts are shown as received, without bars.
        costs = [Decimal(0)] * len(total.cost_usd)
        texts = [screen.printable(text)[:_MAX_TEXT_CHARS] for text in total.cost_usd]
    most = max(costs, default=Decimal(0))
    amounts = _right_aligned(texts)
    room = screen.size_of("stdout")[0] - len(f"2026-04-01  {max(amounts, key=len, default='')}  ") - 1
    room = min(room, _MAX_BAR_CHARS)
    draw = _block_bar if _can_show(_EIGHTHS) else _ascii_bar
    for day, cost, amount in zip(total.days, costs, amounts, strict=False):
        bar = draw(cost / most * room) if cost > 0 and room > 0 else ""
        screen.write(f"{day}  {amount}  {bar}".rstrip())


def _block_bar(length: Decimal) -> str:
    """A bar of this length in characters, rounded down to eighths, at least one eighth."""
    full, rest = divmod(max(int(length * 8), 1), 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def _ascii_bar(length: Decimal) -> str:
    return "#" * max(int(length), 1)


def _can_show(text: str) -> bool:
    """Whether the encoding of standard output has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _cost_text(entry: UsageSummaryEntry, name: str) -> str:
    """An amount of an entry; if it is not a number, the beginning of the received text."""
    try:
        return _rounded(getattr(entry, name))
    except SonioxAPIError:
        return str(getattr(entry, f"{name}_usd"))[:_MAX_TEXT_CHARS]


def _rounded(amount: Decimal) -> str:
    """US dollars with four decimals; ``<0.0001`` for a smaller amount above zero."""
    if amount.adjusted() > _MAX_DIGITS:
        return f"{amount:.4E}"
    return f"<{_MIN_SHOWN}" if 0 < amount < _MIN_SHOWN else f"{amount:.4f}"


def _right_aligned(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-04-01") from None


def _day_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {_MAX_DAYS}")
    return int(text)
