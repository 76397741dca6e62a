"""Copies of this package, and of websocket-client, into another project's tree.

Each copy has a ``vendored.json`` with its version, its licence, what was left out, and a SHA-256 checksum of each file.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.resources
import io
import json
import tempfile
import tokenize
from pathlib import Path

from .._version import __version__
from .terminal import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.abc import Traversable

MANIFEST = "vendored.json"
# Both packages have the same licence.
_LICENCE = "Apache-2.0"
_PACKAGE = __name__.rpartition(".")[0].rpartition(".")[0]
_NAME = "soniox_lite"
_COMMAND_LINE = ("_cli", "cli.py", "__main__.py")
_REALTIME = ("realtime", "_websocket")
_NO_REALTIME = 'ImportError("this copy of soniox_lite has no realtime sessions: it was made with --rest-only")'
# What stands in a copy without realtime sessions in place of modules that are for them.
_INSTEAD = {
    "realtime/__init__.py": f'''"""Left out of this copy."""

raise {_NO_REALTIME}
''',
    "_audio/voice_gate.py": f'''"""Left out of this copy."""


class VoiceGate:
    """For realtime sessions."""

    def __init__(self, *_, **__):
        raise {_NO_REALTIME}
''',
}
_IGNORED = ("__pycache__", MANIFEST)


def client_files(*, rest_only: bool, no_cli: bool) -> dict[str, bytes]:
    """The files of this package by their relative paths."""
    left_out = (*(_REALTIME if rest_only else ()), *(_COMMAND_LINE if no_cli or rest_only else ()))
    found = dict(_files_in(importlib.resources.files(_PACKAGE)))
    files = {path: data for path, data in found.items() if path.partition("/")[0] not in left_out}
    return files | {path: text.encode() for path, text in _INSTEAD.items() if rest_only}


def websocket_files() -> tuple[str, dict[str, bytes]]:
    """The version of the installed websocket-client, and its files without its tests and its command.

    Raises:
        CommandError: It is not installed.
    """
    try:
        distribution = importlib.metadata.distribution("websocket-client")
        found = dict(_files_in(importlib.resources.files("websocket")))
    except (importlib.metadata.PackageNotFoundError, ModuleNotFoundError) as error:
        raise CommandError(
            "websocket-client is not installed here; install it, or leave out --with-websocket", exit_code=1
        ) from error
    files = {path: data for path, data in found.items() if not path.startswith(("tests/", "_wsdump.py"))}
    # Packages of Linux distributions keep it elsewhere.
    files.update({path.name: path.read_binary() for path in distribution.files or () if path.name == "LICENSE"})
    return distribution.version, files


def compacted(source: bytes) -> bytes:
    """A module's source without comments and with empty docstrings. Line numbers stay, so that tracebacks are right."""
    lines = source.splitlines(keepends=True)
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    places = [
        (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0, b'""')
        for node in texts
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            # Columns of tokens count characters.
            before = len(token.line[: token.start[1]].rstrip().encode())
            places.append((token.start[0], before, token.end[0], len(lines[token.end[0] - 1].rstrip(b"\r\n")), b""))
    # From the last to the first, so that the positions of those before stay right.
    for first, start, last, end, instead in sorted(places, reverse=True):
        kept = lines[first - 1][:start] + instead + lines[last - 1][end:]
        lines[first - 1 : last] = [kept, *[b"\n"] * (last - first)]
    return b"".join(lines)


def write_copy(place: Path, name: str, version: str, files: dict[str, bytes], options: list[str]) -> None:
    """Writes files and their manifest to ``place/name``, in place of an earlier copy; all of them or none.

    Raises:
        OSError: They cannot be written.
    """
    manifest = {
        "name": name,
        "version": version,
        "licence": _LICENCE,
        "options": options,
        "sha256": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())},
    }
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f".{name}-") as new:
        for path, data in {**files, MANIFEST: json.dumps(manifest, indent=1).encode() + b"\n"}.items():
            file = Path(new, name, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if (place / name).exists():
            (place / name).rename(Path(new, "old"))
        Path(new, name).rename(place / name)


def changes_of(copy: Path) -> list[str]:
    """What differs between a copy and its manifest, a line each; empty if nothing does.

    Raises:
        CommandError: It is no copy that this command made.
    """
    try:
        manifest = json.loads((copy / MANIFEST).read_bytes())
        expected: dict[str, str] = {**manifest["sha256"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CommandError(f"{copy} was not made by this command: it has no valid {MANIFEST}", exit_code=1) from error
    present = {path: hashlib.sha256(data).hexdigest() for path, data in _files_in(copy)}
    lines = [f"missing: {copy / path}" for path in expected.keys() - present.keys()]
    lines += [f"not copied: {copy / path}" for path in present.keys() - expected.keys()]
    lines += [f"changed: {copy / path}" for path in expected.keys() & present.keys() if expected[path] != present[path]]
    return sorted(lines)


def copies_in(place: Path) -> list[Path]:
    """The copies in a folder: those of the client and of websocket-client."""
    return [place / name for name in (_NAME, "websocket") if (place / name / MANIFEST).exists()]


def copy_all(place: Path, options: list[str], *, force: bool) -> list[Path]:
    """Makes the copies that the options ask for, and returns their folders.

    Raises:
        CommandError: An earlier copy has been changed by hand and ``force`` is False, or nothing can be written.
    """
    client = client_files(rest_only="--rest-only" in options, no_cli="--no-cli" in options)
    if "--compact" in options:
        # Not of websocket-client, whose comments have its copyright notices.
        client = {path: compacted(data) if path.endswith(".py") else data for path, data in client.items()}
    wanted = [(_NAME, __version__, client)]
    if "--with-websocket" in options:
        wanted.append(("websocket", *websocket_files()))
    for name, _, _ in wanted:
        if (place / name).exists() and not force and (changed := changes_of(place / name)):
            raise CommandError(f"{changed[0]}; with --force the copy is replaced all the same", exit_code=1)
    try:
        for name, version, files in wanted:
            write_copy(place, name, version, files, options)
    except OSError as error:
        raise CommandError(f"cannot write to {place}: {error.strerror or error}", exit_code=1) from error
    return [place / name for name, _, _ in wanted]


def _files_in(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Relative paths and contents; also of a package inside a zip file."""
    for entry in folder.iterdir():
        if entry.name in _IGNORED:
            continue
        if entry.is_dir():
            yield from _files_in(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()
