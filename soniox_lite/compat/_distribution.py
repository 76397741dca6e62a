"""The metadata of the official SDK for ``importlib.metadata``."""

from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os


class OfficialDistribution(Distribution):
    """A distribution of which only the name and the version are known."""

    def __init__(self, name: str, version: str) -> None:
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        return Path(__file__).parents[2] / path
