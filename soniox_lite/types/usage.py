"""Types of the ``usage``, ``usage_logs`` and ``concurrency_limits`` namespaces.

Amounts of money are US dollars, as text with ten decimals (``"0.0613500000"``), in fields named ``..._usd``. The
attribute of the same name without ``_usd`` has the amount as :class:`decimal.Decimal`, so that sums are exact. Reading
that attribute raises a :class:`SonioxAPIError` if the service sent text that is not a decimal number.
"""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject
from ..errors import SonioxAPIError

# The service sends ten decimals.
_MAX_DIGITS = 40

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal

    from .._data.rules import FieldErrors
    from .aliases import ConcurrentStreamKind, ConcurrentStreamsPeriodSec, UsageLogsSort
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    ConcurrentStreamKind = UsageLogsSort = str
    ConcurrentStreamsPeriodSec = int


def _amount(text: str) -> Decimal:
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - only needed for calculations

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    _, digits, exponent = amount.as_tuple()
    # Sums and formats of numbers with exponents such as 999999999 overflow or take gigabytes.
    if not isinstance(exponent, int) or abs(exponent) > _MAX_DIGITS or len(digits) > _MAX_DIGITS:
        raise SonioxAPIError("the reply has an amount of money that is not a decimal number")
    return amount


class UsageLogEntry(ServiceObject):
    """One request, as it is billed.

    ``cost``, ``input_cost``, ``output_text_cost`` and so on are the amounts as :class:`decimal.Decimal`.

    Attributes:
        uuid: Id of the request.
        request_scope: ``api`` or ``playground``.
        client_reference_id: The identifier that the request was given; empty when there was none.
        model: The model's id.
        start_time: When the request began, in UTC.
        end_time: When it ended, in UTC. Listings are filtered and sorted by it.
        input_text_tokens: Number of text tokens sent to the service.
        input_audio_tokens: Number of audio tokens sent to the service.
        input_audio_duration_ms: Length of the audio sent to the service, in milliseconds.
        output_text_tokens: Number of text tokens received from the service.
        output_audio_tokens: Number of audio tokens received from the service.
        output_audio_duration_ms: Length of the audio received from the service, in milliseconds.
        cost_usd: Cost of input and output, in US dollars.
        input_cost_usd: Cost of the input, text and audio, in US dollars.
        input_text_cost_usd: Cost of the input text, in US dollars.
        input_audio_cost_usd: Cost of the input audio, in US dollars.
        output_cost_usd: Cost of the output, text and audio, in US dollars.
        output_text_cost_usd: Cost of the output text, in US dollars.
        output_audio_cost_usd: Cost of the output audio, in US dollars.
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
        """``cost_usd`` as a decimal number."""
        return _amount(self.cost_usd)

    @property
    def input_cost(self) -> Decimal:
        """``input_cost_usd`` as a decimal number."""
        return _amount(self.input_cost_usd)

    @property
    def input_text_cost(self) -> Decimal:
        """``input_text_cost_usd`` as a decimal number."""
        return _amount(self.input_text_cost_usd)

    @property
    def input_audio_cost(self) -> Decimal:
        """``input_audio_cost_usd`` as a decimal number."""
        return _amount(self.input_audio_cost_usd)

    @property
    def output_cost(self) -> Decimal:
        """``output_cost_usd`` as a decimal number."""
        return _amount(self.output_cost_usd)

    @property
    def output_text_cost(self) -> Decimal:
        """``output_text_cost_usd`` as a decimal number."""
        return _amount(self.output_text_cost_usd)

    @property
    def output_audio_cost(self) -> Decimal:
        """``output_audio_cost_usd`` as a decimal number."""
        return _amount(self.output_audio_cost_usd)


class GetUsageLogsResponse(ServiceObject):
    """One page of usage logs.

    Attributes:
        usage_logs: Up to ``limit`` entries, by the time they ended.
        next_page_cursor: What the next call takes as ``cursor``, with the same times and ``sort``; None on the last
            page.
    """

    usage_logs: list[UsageLogEntry]
    next_page_cursor: str | None = None


class UsageSummaryEntry(ServiceObject):
    """Usage and costs of one model, or of all models: in total, and day by day.

    Each list has one value for each of ``days``. ``total_cost``, ``cost`` and so on are the amounts as
    :class:`decimal.Decimal`, or lists of these.

    Attributes:
        model: The model's id; None on the total.
        days: Every (UTC) day of the window, ascending.
        total_cost_usd: Cost of input, output and duration, in US dollars.
        total_input_cost_usd: Cost of the input, in US dollars.
        total_output_cost_usd: Cost of the output, in US dollars.
        total_duration_cost_usd: Cost of the duration, in US dollars; zero for speech-to-text and text-to-speech.
        cost_usd: ``total_cost_usd`` by day.
        input_cost_usd: ``total_input_cost_usd`` by day.
        output_cost_usd: ``total_output_cost_usd`` by day.
        duration_cost_usd: ``total_duration_cost_usd`` by day.
        total_num_requests: Number of requests that ended in the window.
        total_input_text_tokens: Number of text tokens sent to the service.
        total_input_audio_tokens: Number of audio tokens sent to the service.
        total_input_audio_duration_ms: Length of the audio sent to the service, in milliseconds.
        total_output_text_tokens: Number of text tokens received from the service.
        total_output_audio_tokens: Number of audio tokens received from the service.
        total_output_audio_duration_ms: Length of the audio received from the service, in milliseconds.
        total_duration_ms: Duration that is billed as such, in milliseconds; 0 for speech-to-text and text-to-speech.
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
        """``total_cost_usd`` as a decimal number."""
        return _amount(self.total_cost_usd)

    @property
    def total_input_cost(self) -> Decimal:
        """``total_input_cost_usd`` as a decimal number."""
        return _amount(self.total_input_cost_usd)

    @property
    def total_output_cost(self) -> Decimal:
        """``total_output_cost_usd`` as a decimal number."""
        return _amount(self.total_output_cost_usd)

    @property
    def total_duration_cost(self) -> Decimal:
        """``total_duration_cost_usd`` as a decimal number."""
        return _amount(self.total_duration_cost_usd)

    @property
    def cost(self) -> list[Decimal]:
        """``cost_usd`` as decimal numbers, one for each of ``days``."""
        return [_amount(text) for text in self.cost_usd]

    @property
    def input_cost(self) -> list[Decimal]:
        """``input_cost_usd`` as decimal numbers, one for each of ``days``."""
        return [_amount(text) for text in self.input_cost_usd]

    @property
    def output_cost(self) -> list[Decimal]:
        """``output_cost_usd`` as decimal numbers, one for each of ``days``."""
        return [_amount(text) for text in self.output_cost_usd]

    @property
    def duration_cost(self) -> list[Decimal]:
        """``duration_cost_usd`` as decimal numbers, one for each of ``days``."""
        return [_amount(text) for text in self.duration_cost_usd]


class GetUsageSummaryResponse(ServiceObject):
    """Usage and costs in a window of days.

    Attributes:
        total: All models together.
        models: One entry for each model that was used; empty when there was none.
    """

    total: UsageSummaryEntry
    models: list[UsageSummaryEntry]


class ConcurrencyCurrentValues(ServiceObject):
    """How many streams are open at this moment.

    Attributes:
        transcribe_concurrent: Realtime speech-to-text sessions.
        tts_concurrent: Text-to-speech streams and requests.
    """

    transcribe_concurrent: int
    tts_concurrent: int


class ConcurrencyLimitValues(ServiceObject):
    """How many streams may be open at once.

    Attributes:
        transcribe_concurrent: Realtime speech-to-text sessions; None when this scope has no limit of its own.
        tts_concurrent: Text-to-speech streams and requests; None when this scope has no limit of its own.
    """

    transcribe_concurrent: int | None = None
    tts_concurrent: int | None = None


class ConcurrencyScopeValues(ServiceObject):
    """Open streams and limits of a project or an organization.

    Attributes:
        current: How many streams are open.
        limits: How many may be open at once.
    """

    current: ConcurrencyCurrentValues
    limits: ConcurrencyLimitValues


class GetConcurrencyLimitsResponse(ServiceObject):
    """Open streams and limits in the region of the API key.

    Attributes:
        project: The project of the API key.
        organization: All projects of the organization together.
    """

    project: ConcurrencyScopeValues
    organization: ConcurrencyScopeValues


class ConcurrentStreamsHistoryEntry(ServiceObject):
    """How many streams were open in one period.

    Attributes:
        period_start: Start of the period, in UTC; a multiple of its length.
        period_sec: Length of the period in seconds: 60, 3600 or 86400.
        sample_min: The smallest number at once; always 0.
        sample_max: The largest number at once, exact.
        sample_sum: Sum of all samples. Divided by ``sample_count`` it is the average while streams were open, and by
            ``total_count`` the average of the whole period. Both counts are 0 in a period without streams.
        sample_count: Number of samples with open streams.
        total_count: Number of all samples: 1 in a minute, 60 (minutes) in an hour, 24 (hours) in a day; 0 in a period
            without streams.
    """

    period_start: datetime
    period_sec: int
    sample_min: int
    sample_max: int
    sample_sum: int
    sample_count: int
    total_count: int


class GetConcurrentStreamsHistoryResponse(ServiceObject):
    """How many streams were open in each period of a window.

    Attributes:
        kind: ``stt`` or ``tts``, as requested.
        entries: Every period of the window, including those without streams.
    """

    kind: ConcurrentStreamKind
    entries: list[ConcurrentStreamsHistoryEntry]


class GetUsageLogsPayload(Payload):
    """Parameters of a page of usage logs.

    Attributes:
        start_time: Lists requests that ended at or after this time, at most 91 days ago: an aware datetime, a date (its
            midnight in UTC) or ISO 8601 text. Converted to text.
        end_time: Lists requests that ended before this time, at most 31 days after ``start_time``. As ``start_time``.
        limit: Entries on the page, 1 to 1000.
        sort: ``end_time_asc`` (oldest first) or ``end_time_desc``.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    start_time: str | date
    end_time: str | date
    limit: int = 1000
    sort: UsageLogsSort = "end_time_asc"
    cursor: str | None = None

    def _check(self, check: FieldErrors) -> None:
        _check_window(check, self)
        if check.required("sort", self.sort):
            check.choice("sort", self.sort, ("end_time_asc", "end_time_desc"))
        check.page(self.limit, self.cursor)


class GetUsageSummaryPayload(Payload):
    """The window of a summary, at most 366 days.

    Attributes:
        start_time: A time in the first day (UTC): an aware datetime, a date or ISO 8601 text. Converted to text.
        end_time: The end of the window. Its day (UTC) is the last one, or the day before if this is midnight, as for a
            date.
    """

    start_time: str | date
    end_time: str | date

    def _check(self, check: FieldErrors) -> None:
        _check_window(check, self)


class GetConcurrentStreamsHistoryPayload(Payload):
    """The window and the kind of a history of concurrent streams.

    Attributes:
        start_time: Lists periods that start at or after this time: an aware datetime, a date (its midnight in UTC) or
            ISO 8601 text. Converted to text.
        end_time: Lists periods that start before this time; at most 7 days later for periods of a minute.
        period_sec: Length of a period in seconds: 60, 3600 or 86400.
        kind: ``stt`` or ``tts``.
    """

    start_time: str | date
    end_time: str | date
    period_sec: ConcurrentStreamsPeriodSec
    kind: ConcurrentStreamKind

    def _check(self, check: FieldErrors) -> None:
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
            check.timestamp(field, value)
