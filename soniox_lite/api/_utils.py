"""Helpers of the namespaces that the reference names."""

from __future__ import annotations

from .._http.requests import normalize_file

__all__ = ["normalize_file"]
