"""The limits and budgets of the account, as switches."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable

Budget: TypeAlias = Literal[
    "organization_balance_exhausted", "organization_monthly_budget_exhausted", "project_monthly_budget_exhausted"
]
"""A budget that is used up, by its error type."""

BUDGET_MESSAGES: dict[str, str] = {
    "organization_balance_exhausted": "Organization balance exhausted. Add funds, or enable autopay.",
    "organization_monthly_budget_exhausted": "Organization monthly budget exhausted. Raise it, or wait.",
    "project_monthly_budget_exhausted": "Project monthly budget exhausted. Raise it, or wait.",
}
SERVICE = "service"
_GIBIBYTE = 1024**3
_MINUTE_SEC = 60.0
_MOST_COUNTED = 100_000


@dataclass(kw_only=True)
class ProjectLimits:
    """The limits of a scope: of each project, which is an API key, or of the organization, which is all keys together.

    They may be set at any time. None means no limit. Lowering a limit removes nothing.
    """

    max_files: int | None = None
    """Files; an upload above it is refused with 429."""
    max_storage_bytes: int | None = None
    """Bytes of all files together; an upload that would pass it is refused with 429."""
    max_transcriptions: int | None = None
    """Transcriptions in any status; a job above it is refused with 429."""
    max_pending_transcriptions: int | None = None
    """Transcriptions that are queued or being processed; a job above it is refused with 429."""
    max_voices: int | None = None
    """Cloned voices; a voice above it is refused with 429."""
    requests_per_minute: int | None = None
    """REST requests within any 60 seconds of the fake's clock; those above it are refused with 429 and not counted.

    Files, transcriptions, voices, the lists of text-to-speech, text-to-speech itself, usage logs, other usage, and the
    creation of temporary keys are counted apart, each against this number; the list of the models of speech-to-text is
    not."""
    sessions_per_minute: int | None = None
    """Realtime sessions that start within any 60 seconds; a session above it is refused with 429."""
    speeches_per_minute: int | None = None
    """Streams of text-to-speech that start within any 60 seconds, and REST requests to speak, which are counted apart;
    one above it is refused with 429."""
    max_realtime_sessions: int | None = None
    """Realtime sessions at once; a session above it is refused with 429."""
    max_speeches: int | None = None
    """Streams and REST requests of text-to-speech at once; one above it is refused with 429."""
    max_connections: int | None = None
    """WebSockets at once, idle ones as well, of speech-to-text and of text-to-speech apart; one above it gets a 429
    message and is closed. It counts from when its key is checked: with its first message, or after a second. The
    service has some multiple of its limit of sessions or streams."""
    monthly_budget_usd: float | None = None
    """US dollars. When the usage of this calendar month in UTC has reached it, new jobs, sessions and speech are
    refused with 402, and jobs that are queued fail."""

    def __setattr__(self, name: str, value: object) -> None:
        # A misspelt limit would have no effect, and the test that sets it would pass without it.
        if name not in self.__dataclass_fields__:
            raise AttributeError(f"there is no limit {name!r}; known are {', '.join(self.__dataclass_fields__)}")
        super().__setattr__(name, self._checked(name, value))

    def _checked(self, name: str, value: object) -> object:
        """The value of a limit; refuses one that cannot be."""
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0):
            raise ValueError(f"{name} must be a number that is not negative, or None, not {value!r}")
        return value


@dataclass(kw_only=True)
class Limits(ProjectLimits):
    """The limits of one fake: of the organization, so of all its keys together, of each project, and of each session.

    They may be set at any time. None means no limit. Lowering a limit removes nothing. Where a limit of the
    organization and one of the project are reached, the error is that of the organization.
    """

    project: ProjectLimits = field(default_factory=ProjectLimits)
    """The limits of each API key for itself."""
    exhausted: Budget | None = None
    """The budget that is used up, whatever was spent: new jobs, sessions and speech are refused with 402, and jobs that
    are queued fail."""
    balance_usd: float | None = None
    """US dollars that were paid in advance. When all usage together has reached them, it is as for a budget."""
    first_audio_sec: float | None = None
    """Seconds from the start message of a realtime session to its first audio, whatever else is sent; later, the
    session ends with 408. Without any message it does so after 20 seconds, as after each other pause."""
    max_ahead_sec: float | None = None
    """Seconds that the audio of a realtime session may be ahead of real time; further, the session ends with 400."""
    max_behind_sec: float | None = None
    """Seconds that the audio of a realtime session may be behind real time; further, the session ends with 408. A
    keepalive says that there is a pause, so that what is missing until then does not count."""
    max_audio_bytes: int | None = None
    """Bytes of audio in a realtime session; above it, the session ends with 400."""

    @classmethod
    def service(cls) -> Limits:
        """The limits that a new account of the service has, as far as they are known.

        How far audio may be ahead of real time or behind it is not published; a minute is assumed for both. The numbers
        of REST requests a minute and of connections are not published either, and not limited.
        """
        return cls(
            max_files=1000,
            max_storage_bytes=10 * _GIBIBYTE,
            max_transcriptions=2000,
            max_pending_transcriptions=100,
            max_voices=20,
            sessions_per_minute=100,
            speeches_per_minute=100,
            max_realtime_sessions=10,
            max_speeches=3,
            max_ahead_sec=60,
            max_behind_sec=60,
        )

    @classmethod
    def of(cls, given: Limits | Mapping[str, object] | str | None) -> Limits:
        """The limits that were asked for.

        Args:
            given: Limits; their values by name, with those of the project in a mapping of its own; a text such as
                ``service``, ``max_files=3`` or ``service, max_files=3, project.max_files=1``; None: no limits.

        Raises:
            ValueError: A name is unknown, or a value cannot be.
        """
        if isinstance(given, Limits):
            return given
        limits = cls()
        try:
            if isinstance(given, str):
                limits._read(given)
            elif isinstance(given, Mapping):
                limits._change(given)
            elif given is not None:
                raise ValueError(f"limits must be a text, or limits by name, not {given!r}")
        except AttributeError as error:
            raise ValueError(str(error)) from error
        return limits

    def _read(self, text: str) -> None:
        """Sets what a text says."""
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if equals:
                scope, _, inner = name.rpartition(".")
                changes = {inner: _number_or_text(value)}
                self._change({scope: changes} if scope else changes)
            elif name == SERVICE:
                vars(self).update(vars(Limits.service()))
            else:
                raise ValueError(f"limits are {SERVICE}, or a name and a number as in max_files=3, not {part!r}")

    def _change(self, changes: Mapping[str, object]) -> None:
        for name, value in changes.items():
            if name == "project" and isinstance(value, Mapping):
                for inner, limit in cast("Mapping[str, object]", value).items():
                    setattr(self.project, inner, limit)
            else:
                setattr(self, name, value)

    def _checked(self, name: str, value: object) -> object:
        if name == "project":
            if not isinstance(value, ProjectLimits):
                raise ValueError(f"project must be ProjectLimits, not {value!r}")
            return value
        if name == "exhausted":
            if value is not None and value not in BUDGET_MESSAGES:
                raise ValueError(f"there is no budget {value!r}; known are {', '.join(BUDGET_MESSAGES)}")
            return value
        return super()._checked(name, value)


def _number_or_text(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


@dataclass
class RequestRate:
    """What happened in the last minute, by kind, with the project of each. Callers hold the lock of the state."""

    _happened: dict[str, deque[tuple[float, str]]] = field(default_factory=dict[str, "deque[tuple[float, str]]"])

    def used(self, kind: str, now_sec: float) -> Callable[[str | None], int]:
        """Counts what happened: in a project, or (None) in all."""
        # Bounded: a virtual clock may stand still for ever.
        happened = self._happened.setdefault(kind, deque(maxlen=_MOST_COUNTED))
        while happened and happened[0][0] <= now_sec - _MINUTE_SEC:
            happened.popleft()
        return lambda of: len(happened) if of is None else sum(project == of for _, project in happened)

    def add(self, kind: str, project: str, now_sec: float) -> None:
        """Counts one more."""
        self._happened[kind].append((now_sec, project))
