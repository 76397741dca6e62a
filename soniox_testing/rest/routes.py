"""All routes of the REST API."""

from __future__ import annotations

from . import auth, concurrency, files, models, transcriptions, tts, tts_models, usage, voices

_FAMILIES = (files, transcriptions, models, auth, voices, tts_models, usage, concurrency, tts)
ROUTES = tuple(route for family in _FAMILIES for route in family.ROUTES)
OPERATIONS = frozenset(route.operation for route in ROUTES if route.operation is not None)
"""The ``operationId`` of every operation."""
