"""The plan of ``stt.transcribe_many``: which sources are left to do, and what is noted of those that are done.

A result is noted as done, and deleted from the service, when the caller asks for the next one: then it has been taken.
A run that is killed before finds the job at the service again, and asks for the same transcript.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from .._data.callbacks import broken_rule
from .._data.json_values import kind_of
from .._data.rules import FieldErrors
from ..errors import SonioxValidationError
from ._bulk_journal import Journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from typing import Any

    from ..types.bulk import BulkResult

_MAX_CONCURRENCY = 1000
_URL_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class BulkItem:
    """A source, and what is known of it.

    Attributes:
        source: Path or URL.
        is_url: Whether the service fetches it.
        options: Arguments of ``stt.create`` besides the source.
        wait: The longest pause between two looks at the job and the time limit, in seconds.
        transcription_id: A job that an earlier run has created; None for none.
        file_id: A file that an earlier run has uploaded; None for none.
        is_resumable: Whether a later run would find what this one leaves at the service.
    """

    source: str
    is_url: bool
    options: dict[str, Any]
    wait: tuple[float, float | None]
    transcription_id: str | None = None
    file_id: str | None = None
    is_resumable: bool = False


class BulkPlan:
    """One call of ``transcribe_many``: its arguments, its journal, and what is left to do.

    Attributes:
        concurrency: How many sources are worked on at a time.
        deletes: Whether files and jobs are deleted once their results were taken.
        executor: What does the work; None for the client itself.
    """

    def __init__(
        self,
        sources: Iterable[str | os.PathLike[str]],
        options: dict[str, Any],
        wait: tuple[float, float | None],
        *,
        concurrency: int,
        journal: str | os.PathLike[str] | None,
        delete_after: bool,
        on_progress: Callable[[str, str], object] | None,
        executor: Executor | None,
    ) -> None:
        with FieldErrors("the bulk run") as check:
            if check.required("concurrency", concurrency):
                check.integer("concurrency", concurrency, minimum=1, maximum=_MAX_CONCURRENCY)
            if journal is not None and options.get("client_reference_id") is not None:
                check.add("client_reference_id", "is set by the journal", options["client_reference_id"])
            if on_progress is not None and broken_rule(on_progress, is_awaited=False) is not None:
                check.add("on_progress", "must be callable, and not async", on_progress)
            if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
                check.add("executor", "must be a concurrent.futures.Executor", executor)
            if isinstance(sources, (str, bytes)) or not hasattr(sources, "__iter__"):
                check.add("sources", "must be an iterable of paths and URLs, not a single one", sources)
        self._sources = iter(sources)
        self._options, self._wait = options, wait
        self.concurrency, self.deletes, self.executor = concurrency, delete_after, executor
        self._journal = None if journal is None else Journal(journal)
        self._on_progress = on_progress
        self._seen: set[str] = set()
        self._begun: dict[str, BulkResult] = {}

    @property
    def resumed_name(self) -> str | None:
        """The run's name if an earlier process has begun it; None otherwise."""
        return self._journal.run if self._journal is not None and self._journal.is_resumed else None

    def resume(self, begun: dict[str, BulkResult]) -> list[BulkResult]:
        """Takes over what an earlier process has left at the service; returns what of it is to be deleted."""
        self._begun = begun
        assert self._journal is not None  # noqa: S101 - there is nothing to resume without one
        done = [begun.pop(self._journal.reference_of(source), None) for source in self._journal.done]
        return [left for left in done if left is not None] if self.deletes else []

    def next_item(self) -> BulkItem | None:
        """The next source to work on; None after the last one.

        Raises:
            SonioxValidationError: The iterable gave something that is neither a path nor a URL.
        """
        for given in self._sources:
            source = os.fspath(given) if isinstance(given, os.PathLike) else given
            if not isinstance(source, str):
                raise SonioxValidationError(f"a source must be a path or a URL, got {kind_of(source)}")
            if source in self._seen:
                continue
            self._seen.add(source)
            if self._journal is not None and source in self._journal.done:
                self._tell(source, "skipped")
                continue
            return self._item_of(source)
        return None

    def _item_of(self, source: str) -> BulkItem:
        item = BulkItem(source, source.lower().startswith(_URL_SCHEMES), self._options, self._wait)
        if self._journal is not None:
            reference = self._journal.reference_of(source)
            item = replace(item, options={**item.options, "client_reference_id": reference}, is_resumable=True)
            if (left := self._begun.pop(reference, None)) is not None:
                item = replace(item, transcription_id=left.transcription_id, file_id=left.file_id)
        self._tell(source, "started")
        return item

    def report(self, result: BulkResult) -> None:
        """Calls ``on_progress`` for a result that has just come."""
        self._tell(result.source, "completed" if result.error is None else "failed")

    def _tell(self, source: str, status: str) -> None:
        if self._on_progress is not None:
            self._on_progress(source, status)

    def acknowledge(self, result: BulkResult) -> bool:
        """Notes that a result was taken; whether it is to be deleted from the service."""
        if self._journal is not None and result.error is None:
            self._journal.add(result.source)
        return self.deletes or result.error is not None

    def left_over(self, results: list[BulkResult]) -> list[BulkResult]:
        """Which results that were not taken have to be deleted when a run is stopped: none if it can be resumed."""
        if self._journal is not None:
            return []
        return [result for result in results if self.deletes or result.transcript is None]

    def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()
