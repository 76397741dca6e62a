"""The message for missing packages of the extra ``testing``."""

from __future__ import annotations


def what_to_install(missing: ImportError) -> str:
    """The command that installs the packages for a failed import."""
    return f'soniox_testing needs more packages: pip install "soniox-lite[testing]" ({missing})'
