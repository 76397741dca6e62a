"""The beginnings of audio formats that have a header."""

from __future__ import annotations

import re

HEADER_BYTES = 16
"""So many bytes tell whether there is a header."""

_KNOWN = re.compile(
    rb"(RIFF|RF64)....WAVE|OggS|fLaC|ID3|ADIF|\xff[\xe0-\xff]|\x1a\x45\xdf\xa3|FORM....AIF[FC]|#!AMR"
    rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11|....ftyp",
    re.DOTALL,
)


def has_header(beginning: bytes | bytearray) -> bool:
    """Whether audio that begins with these bytes has a header that the service knows."""
    return _KNOWN.match(beginning) is not None
