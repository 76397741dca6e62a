"""Helpers of the namespaces that the reference names."""

from __future__ import annotations

from .._http.building import normalize_file

__all__ = ["normalize_file"]
