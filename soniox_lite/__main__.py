"""``python -m soniox_lite``: the command line."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from .cli import main

        sys.exit(main())
    except KeyboardInterrupt:
        # Ctrl-C while Python was still loading: nothing has begun, so there is nothing to say.
        sys.exit(130)
