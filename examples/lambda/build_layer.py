"""Builds a Lambda layer with soniox_lite, which is installed here, and prints its size.

python build_layer.py [--realtime] [--bytecode] [--output layer.zip]
"""

from __future__ import annotations

import argparse
import compileall
import py_compile
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def build(output: Path, *, realtime: bool, bytecode: bool) -> None:
    """Writes the layer: a zip file with a folder ``python``, which Lambda puts on the path.

    Args:
        output: The file to write.
        realtime: Whether to take realtime sessions along, and websocket-client, which they need.
        bytecode: Whether to compile for this version of Python, which the function must have too.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-cli", "--with-websocket"] if realtime else ["--rest-only"]
        command = [sys.executable, "-m", "soniox_lite", "vendor", f"{folder}/python", "--compact", *options]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        for manifest in Path(folder).rglob("vendored.json"):
            manifest.unlink()
        if bytecode:
            # Valid whatever time the zip file gives to the sources.
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            compileall.compile_dir(folder, quiet=1, stripdir=folder, prependdir="/opt", invalidation_mode=mode)
        with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    # Without times: functions do not need them.
                    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                    entry.external_attr = 0o644 << 16  # Functions run as another user than the one who unpacks.
                    archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> None:
    """Builds the layer that the options ask for."""
    parser = argparse.ArgumentParser(description="Builds a Lambda layer with soniox_lite.")
    parser.add_argument("--realtime", action="store_true", help="with realtime sessions")
    parser.add_argument("--bytecode", action="store_true", help="compiled for this version of Python: starts faster")
    parser.add_argument("--output", type=Path, default=Path("layer.zip"))
    options = parser.parse_args()
    build(options.output, realtime=options.realtime, bytecode=options.bytecode)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
