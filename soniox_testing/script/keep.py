"""How much a fake remembers."""

from __future__ import annotations

from dataclasses import dataclass

_STORED_A_RECORD = 4
_AUDIO_BYTES_A_RECORD = 4096


@dataclass(frozen=True)
class Keep:
    """How much a fake remembers; the oldest goes first."""

    records: int = 10_000
    """Of each kind."""
    stored: int | None = None
    """Files, transcriptions, voices and temporary keys of each kind; None: all."""
    audio_bytes: int | None = None
    """Of the audio of all realtime sessions together; None: all."""

    @classmethod
    def of(cls, records: int | None) -> Keep:
        """What is kept of so many records; None: everything, but for the oldest records of a long test.

        Raises:
            ValueError: It is not above 0.
        """
        if records is None:
            return cls()
        if records < 1:
            raise ValueError(f"keep must be above 0, not {records}")
        return cls(records, records * _STORED_A_RECORD, records * _AUDIO_BYTES_A_RECORD)

    @property
    def created(self) -> int:
        """Records of what was stored, deleted ones as well."""
        return self.records if self.stored is None else self.stored
