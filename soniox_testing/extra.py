"""What to say where the packages are missing that the fake needs."""

from __future__ import annotations


def what_to_install(missing: ImportError) -> str:
    """The way out of a failed import, in one line."""
    return f'soniox_testing needs more packages: pip install "soniox-lite[testing]" ({missing})'
