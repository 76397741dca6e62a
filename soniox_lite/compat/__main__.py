"""Runs a program that imports the official SDK, on this library. Arguments after it are the program's own.

python -m soniox_lite.compat program.py [arguments]
python -m soniox_lite.compat -m package [arguments]
"""

from __future__ import annotations

import os
import runpy
import sys

from . import install


def main() -> None:
    """Runs what the command line names, as the interpreter itself would."""
    is_module = sys.argv[1:2] == ["-m"]
    arguments = sys.argv[1 + is_module :]
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.exit((__doc__ or "").strip())
    install()
    sys.argv = arguments
    if is_module:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif not os.path.exists(arguments[0]):
        sys.exit(f"there is no file {arguments[0]}")
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
