"""The names of raw audio formats, which have no header."""

from __future__ import annotations

_SAMPLE_BYTES = {
    **{f"pcm_{kind}8": 1 for kind in "su"},
    **{f"pcm_{kind}{bits}{end}": bits // 8 for kind in "su" for bits in (16, 24, 32) for end in ("le", "be")},
    **{f"pcm_f{bits}{end}": bits // 8 for bits in (32, 64) for end in ("le", "be")},
    "mulaw": 1,
    "alaw": 1,
}


def raw_name(name: str) -> str | None:
    """The full name of a raw format, whose name may lack ``pcm_``; None for any other name."""
    return next((full for full in (name, f"pcm_{name}") if full in _SAMPLE_BYTES), None)


def sample_bytes_of(name: str) -> int | None:
    """Bytes of one sample of one channel in a raw format; None for any other name."""
    return _SAMPLE_BYTES.get(raw_name(name) or "")
