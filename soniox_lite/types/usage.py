"""Types of the ``usage``, ``usage_logs`` and ``concurrency_limits`` namespaces.

Money travels as text with ten decimals (``"0.0613500000"``), which every ``..._usd`` field keeps. The attribute of the
same name without ``_usd`` is that as :class:`decimal.Decimal`, so that sums stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject
from .._data.rules import FieldErrors
from ..errors import SonioxAPIError

# The service writes ten behind the point.
_MAX_DIGITS = 40

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal

    from .aliases import ConcurrentStreamKind, ConcurrentStreamsPeriodSec, UsageLogsSort
else:
    # For those who ask for the types at run time: replies may hold other values than these names stand for.
    ConcurrentStreamKind = UsageLogsSort = str
    ConcurrentStreamsPeriodSec = int


@dataclass(repr=False, eq=False, kw_only=True)
class UsageLogEntry(ServiceObject):
    """One request, as it is billed.

    Raises a :class:`SonioxAPIError` where an amount is asked for as a number and the service sent something else.

    Attributes:
        uuid: The entry's id.
        request_scope: ``api`` or ``playground``.
        client_reference_id: The requester's own mark; empty when there is none.
        model: The model's id.
        start_time: When the request began, in UTC.
        end_time: When it ended, in UTC; what listings go by.
        input_text_tokens: Text that was sent.
        input_audio_tokens: Audio that was sent.
        input_audio_duration_ms: The same in milliseconds.
        output_text_tokens: Text that was received.
        output_audio_tokens: Audio that was received.
        output_audio_duration_ms: The same in milliseconds.
        cost_usd: In US dollars, input and output.
        input_cost_usd: The part for input, text and audio.
        input_text_cost_usd: The part of that for text.
        input_audio_cost_usd: The part of that for audio.
        output_cost_usd: The part for output, text and audio.
        output_text_cost_usd: The part of that for text.
        output_audio_cost_usd: The part of that for audio.
    """

    uuid: str
    request_scope: str
    client_reference_id: str
    model: str
    start_time: datetime
    end_time: datetime
    input_text_tokens: int
    input_audio_tokens: int
    input_audio_duration_ms: int
    output_text_tokens: int
    output_audio_tokens: int
    output_audio_duration_ms: int
    cost_usd: str
    input_cost_usd: str
    input_text_cost_usd: str
    input_audio_cost_usd: str
    output_cost_usd: str
    output_text_cost_usd: str
    output_audio_cost_usd: str

    @property
    def cost(self) -> Decimal:
        """``cost_usd`` as a number."""
        return _amount(self.cost_usd)

    @property
    def input_cost(self) -> Decimal:
        """``input_cost_usd`` as a number."""
        return _amount(self.input_cost_usd)

    @property
    def input_text_cost(self) -> Decimal:
        """``input_text_cost_usd`` as a number."""
        return _amount(self.input_text_cost_usd)

    @property
    def input_audio_cost(self) -> Decimal:
        """``input_audio_cost_usd`` as a number."""
        return _amount(self.input_audio_cost_usd)

    @property
    def output_cost(self) -> Decimal:
        """``output_cost_usd`` as a number."""
        return _amount(self.output_cost_usd)

    @property
    def output_text_cost(self) -> Decimal:
        """``output_text_cost_usd`` as a number."""
        return _amount(self.output_text_cost_usd)

    @property
    def output_audio_cost(self) -> Decimal:
        """``output_audio_cost_usd`` as a number."""
        return _amount(self.output_audio_cost_usd)


@dataclass(repr=False, eq=False, kw_only=True)
class GetUsageLogsResponse(ServiceObject):
    """One page of usage logs.

    Attributes:
        usage_logs: Up to ``limit`` entries, by the time they ended.
        next_page_cursor: What the next call takes as ``cursor``, with the same times and ``sort``; None on the last
            page.
    """

    usage_logs: list[UsageLogEntry]
    next_page_cursor: str | None = None


@dataclass(repr=False, eq=False, kw_only=True)
class UsageSummaryEntry(ServiceObject):
    """What a model, or all of them, did and cost: in all, and day by day.

    The lists have a value for each of ``days``. Raises a :class:`SonioxAPIError` where an amount is asked for as a
    number and the service sent something else.

    Attributes:
        model: The model's id; None on the total.
        days: Every (UTC) day of the window, ascending.
        total_cost_usd: In US dollars: input, output and duration.
        total_input_cost_usd: The part for input.
        total_output_cost_usd: The part for output.
        total_duration_cost_usd: The part for time; nothing for speech-to-text and text-to-speech.
        cost_usd: ``total_cost_usd`` by day.
        input_cost_usd: ``total_input_cost_usd`` by day.
        output_cost_usd: ``total_output_cost_usd`` by day.
        duration_cost_usd: ``total_duration_cost_usd`` by day.
        total_num_requests: Requests that ended in the window.
        total_input_text_tokens: Text that was sent.
        total_input_audio_tokens: Audio that was sent.
        total_input_audio_duration_ms: The same in milliseconds.
        total_output_text_tokens: Text that was received.
        total_output_audio_tokens: Audio that was received.
        total_output_audio_duration_ms: The same in milliseconds.
        total_duration_ms: Time that is billed as such, in milliseconds; 0 for speech-to-text and text-to-speech.
        num_requests: ``total_num_requests`` by day.
        input_text_tokens: ``total_input_text_tokens`` by day.
        input_audio_tokens: ``total_input_audio_tokens`` by day.
        input_audio_duration_ms: ``total_input_audio_duration_ms`` by day.
        output_text_tokens: ``total_output_text_tokens`` by day.
        output_audio_tokens: ``total_output_audio_tokens`` by day.
        output_audio_duration_ms: ``total_output_audio_duration_ms`` by day.
        duration_ms: ``total_duration_ms`` by day.
    """

    model: str | None = None
    days: list[date]
    total_cost_usd: str
    total_input_cost_usd: str
    total_output_cost_usd: str
    total_duration_cost_usd: str
    cost_usd: list[str]
    input_cost_usd: list[str]
    output_cost_usd: list[str]
    duration_cost_usd: list[str]
    total_num_requests: int
    total_input_text_tokens: int
    total_input_audio_tokens: int
    total_input_audio_duration_ms: int
    total_output_text_tokens: int
    total_output_audio_tokens: int
    total_output_audio_duration_ms: int
    total_duration_ms: int
    num_requests: list[int]
    input_text_tokens: list[int]
    input_audio_tokens: list[int]
    input_audio_duration_ms: list[int]
    output_text_tokens: list[int]
    output_audio_tokens: list[int]
    output_audio_duration_ms: list[int]
    duration_ms: list[int]

    @property
    def total_cost(self) -> Decimal:
        """``total_cost_usd`` as a number."""
        return _amount(self.total_cost_usd)

    @property
    def total_input_cost(self) -> Decimal:
        """``total_input_cost_usd`` as a number."""
        return _amount(self.total_input_cost_usd)

    @property
    def total_output_cost(self) -> Decimal:
        """``total_output_cost_usd`` as a number."""
        return _amount(self.total_output_cost_usd)

    @property
    def total_duration_cost(self) -> Decimal:
        """``total_duration_cost_usd`` as a number."""
        return _amount(self.total_duration_cost_usd)

    @property
    def cost(self) -> list[Decimal]:
        """``cost_usd`` as numbers, one for each of ``days``."""
        return [_amount(text) for text in self.cost_usd]

    @property
    def input_cost(self) -> list[Decimal]:
        """``input_cost_usd`` as numbers, one for each of ``days``."""
        return [_amount(text) for text in self.input_cost_usd]

    @property
    def output_cost(self) -> list[Decimal]:
        """``output_cost_usd`` as numbers, one for each of ``days``."""
        return [_amount(text) for text in self.output_cost_usd]

    @property
    def duration_cost(self) -> list[Decimal]:
        """``duration_cost_usd`` as numbers, one for each of ``days``."""
        return [_amount(text) for text in self.duration_cost_usd]


@dataclass(repr=False, eq=False, kw_only=True)
class GetUsageSummaryResponse(ServiceObject):
    """What was used in a window of days.

    Attributes:
        total: All models together.
        models: Each model that was used; empty when none was.
    """

    total: UsageSummaryEntry
    models: list[UsageSummaryEntry]


@dataclass(repr=False, eq=False, kw_only=True)
class ConcurrencyCurrentValues(ServiceObject):
    """What is open at this moment.

    Attributes:
        transcribe_concurrent: Realtime speech-to-text sessions.
        tts_concurrent: Text-to-speech streams and requests.
    """

    transcribe_concurrent: int
    tts_concurrent: int


@dataclass(repr=False, eq=False, kw_only=True)
class ConcurrencyLimitValues(ServiceObject):
    """What may be open at once.

    Attributes:
        transcribe_concurrent: Realtime speech-to-text sessions; None when there is no limit of this scope's own.
        tts_concurrent: Text-to-speech streams and requests; None when there is no limit of this scope's own.
    """

    transcribe_concurrent: int | None = None
    tts_concurrent: int | None = None


@dataclass(repr=False, eq=False, kw_only=True)
class ConcurrencyScopeValues(ServiceObject):
    """What is, and what may be, open in a project or an organization.

    Attributes:
        current: What is open.
        limits: What may be.
    """

    current: ConcurrencyCurrentValues
    limits: ConcurrencyLimitValues


@dataclass(repr=False, eq=False, kw_only=True)
class GetConcurrencyLimitsResponse(ServiceObject):
    """What is, and what may be, open at once in the key's region.

    Attributes:
        project: The key's project.
        organization: All projects of its organization.
    """

    project: ConcurrencyScopeValues
    organization: ConcurrencyScopeValues


@dataclass(repr=False, eq=False, kw_only=True)
class ConcurrentStreamsHistoryEntry(ServiceObject):
    """How many streams were open in a period. Periods of an hour or a day are made of the minutes or hours in them.

    Attributes:
        period_start: In UTC, a multiple of the period.
        period_sec: Its length: 60, 3600 or 86400.
        sample_min: The fewest at once; always 0.
        sample_max: The most at once, exactly.
        sample_sum: Sum of what was counted: divided by ``sample_count`` the average while anything was open, by
            ``total_count`` that of the whole period. Both are 0 in idle periods.
        sample_count: How often it was counted.
        total_count: 1, 60 (minutes) or 24 (hours); 0 in idle periods.
    """

    period_start: datetime
    period_sec: int
    sample_min: int
    sample_max: int
    sample_sum: int
    sample_count: int
    total_count: int


@dataclass(repr=False, eq=False, kw_only=True)
class GetConcurrentStreamsHistoryResponse(ServiceObject):
    """How many streams were open, period by period.

    Attributes:
        kind: ``stt`` or ``tts``, as asked for.
        entries: Every period of the window, idle ones too.
    """

    kind: ConcurrentStreamKind
    entries: list[ConcurrentStreamsHistoryEntry]


@dataclass(repr=False, eq=False, kw_only=True)
class GetUsageLogsPayload(Payload):
    """Parameters of a page of usage logs.

    Attributes:
        start_time: The earliest end of a request, at most 91 days ago: a time with its zone, a date (its midnight in
            UTC) or ISO 8601 text, which all become text here.
        end_time: The first end of a request that is too late, at most 31 days after that.
        limit: Entries on the page, 1 to 1000.
        sort: ``end_time_asc`` or ``end_time_desc``.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    start_time: str | date
    end_time: str | date
    limit: int = 1000
    sort: UsageLogsSort = "end_time_asc"
    cursor: str | None = None

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            _check_window(check, self)
            if check.required("sort", self.sort):
                check.choice("sort", self.sort, ("end_time_asc", "end_time_desc"))
            check.page(self.limit, self.cursor)


@dataclass(repr=False, eq=False, kw_only=True)
class GetUsageSummaryPayload(Payload):
    """The days that a summary is of, at most 366.

    Attributes:
        start_time: Its (UTC) day is the first: a time with its zone, a date or ISO 8601 text, which all become text
            here.
        end_time: Its (UTC) day is the last, unless it is the day's very beginning, as a date is.
    """

    start_time: str | date
    end_time: str | date

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            _check_window(check, self)


@dataclass(repr=False, eq=False, kw_only=True)
class GetConcurrentStreamsHistoryPayload(Payload):
    """What a history is of.

    Attributes:
        start_time: The earliest beginning of a period: a time with its zone, a date (its midnight in UTC) or ISO 8601
            text, which all become text here.
        end_time: The first beginning of a period that is too late; at most 7 days later with periods of a minute.
        period_sec: Length of a period: 60, 3600 or 86400.
        kind: ``stt`` or ``tts``.
    """

    start_time: str | date
    end_time: str | date
    period_sec: ConcurrentStreamsPeriodSec
    kind: ConcurrentStreamKind

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            _check_window(check, self)
            if check.required("period_sec", self.period_sec):
                check.choice("period_sec", self.period_sec, (60, 3600, 86400))
            if check.required("kind", self.kind):
                check.choice("kind", self.kind, ("stt", "tts"))


def _check_window(
    check: FieldErrors, payload: GetUsageLogsPayload | GetUsageSummaryPayload | GetConcurrentStreamsHistoryPayload
) -> None:
    for field in ("start_time", "end_time"):
        value = getattr(payload, field)
        if check.required(field, value):
            setattr(payload, field, check.timestamp(field, value))


def _amount(text: str) -> Decimal:
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - only for those who calculate

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    _, digits, exponent = amount.as_tuple()
    # Sums and formats of what has an exponent such as 999999999 overflow, or take gigabytes.
    if not isinstance(exponent, int) or abs(exponent) > _MAX_DIGITS or len(digits) > _MAX_DIGITS:
        raise SonioxAPIError("the reply has an amount of money that is not a decimal number")
    return amount
