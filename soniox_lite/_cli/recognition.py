"""Makes the config of a job or a session from the options and the files that they name."""

from __future__ import annotations

import json

from ..errors import SonioxValidationError
from ..types.context import TranslationConfig
from . import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, TypedDict, TypeVar

    from ..types.realtime import RealtimeSTTConfig
    from ..types.transcriptions import CreateTranscriptionConfig

    class JobFields(TypedDict):
        """The arguments that all ways to make a job share."""

        model: str
        client_reference_id: str | None
        config: CreateTranscriptionConfig

    ConfigT = TypeVar("ConfigT", CreateTranscriptionConfig, RealtimeSTTConfig)

# The service takes about 10,000 characters of context; a larger file was named by mistake.
_MAX_FILE_BYTES = 1_000_000
# Other users can read the arguments of a process and often its files, so a key comes from the environment only.
_SECRET_FIELD = "api_key"  # noqa: S105 - the name of a field


def recognition_config(options: argparse.Namespace, kind: type[ConfigT], model: str, **more: Any) -> ConfigT:
    """The config that the options of :func:`~soniox_lite._cli.options.add_recognition` stand for.

    Args:
        options: The options.
        kind: The class of the config.
        model: The model, if neither an option nor the file names one.
        more: Further fields; None for those that were not given.

    Raises:
        CommandError: A file cannot be read, is not what it must be, or has a field that is not valid.
        SonioxValidationError: An option is not valid.
    """
    fields: dict[str, Any] = {"model": model}
    if options.config is not None:
        fields |= _config_file(options.config, kind)
    given: dict[str, Any] = {
        **{name: getattr(options, name) for name in kind.__dataclass_fields__},
        "translation": None
        if options.translate_to is None
        else TranslationConfig(type="one_way", target_language=options.translate_to),
        "context": _context(options, fields.get("context")),
        **more,
    }
    return kind(**{**fields, **{name: value for name, value in given.items() if value is not None}})


def files_of_options(options: argparse.Namespace) -> list[tuple[str, str | None]]:
    """The options that name files to read, with their paths; None for those not given."""
    return [("--context", options.context), ("--config", options.config)]


def _config_file(path: str, kind: type[Any]) -> dict[str, Any]:
    fields = _parsed(path, "--config", _text(path, "--config"))
    if not isinstance(fields, dict):
        raise screen.CommandError(f"--config {path!r} must hold a JSON object", exit_code=2)
    if _SECRET_FIELD in fields:
        raise screen.CommandError(
            f"--config {path!r} must not hold {_SECRET_FIELD}: set the key in SONIOX_API_KEY", exit_code=2
        )
    try:
        # The file may leave out a field that must be given; the options or the default have it.
        kind(**{"model": "-", **fields})  # pyright: ignore[reportUnknownArgumentType] # the record checks them
    except SonioxValidationError as error:
        raise screen.CommandError(f"--config {path!r}: {error.message}", exit_code=2) from error
    # As for the service, null is the same as no field: the option or the default counts.
    return {name: value for name, value in fields.items() if value is not None}  # pyright: ignore[reportUnknownVariableType] # as above


def _context(options: argparse.Namespace, from_config: Any) -> dict[str, Any] | str | None:
    """The context of ``--context``, else of ``--config``, with ``--terms`` added; None for none."""
    context = from_config
    if options.context is not None:
        text = _text(options.context, "--context")
        if text.lstrip().startswith("{"):
            context = _parsed(options.context, "--context", text)
            from ..types.context import StructuredContext  # noqa: PLC0415 - most commands do without

            try:
                StructuredContext(**context)
            except SonioxValidationError as error:
                raise screen.CommandError(f"--context {options.context!r}: {error.message}", exit_code=2) from error
        else:
            context = {"text": text.strip()}
    if options.terms is None:
        return context if options.context is not None else None
    fields: dict[str, Any] = {"text": context} if isinstance(context, str) else context or {}
    return {**fields, "terms": list(dict.fromkeys([*(fields.get("terms") or ()), *options.terms]))}


def _text(path: str, option: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise screen.CommandError(f"cannot read {option} {path!r}: {reason}", exit_code=2) from error
    if len(content) > _MAX_FILE_BYTES:
        raise screen.CommandError(f"{option} {path!r} is larger than {_MAX_FILE_BYTES:,} bytes", exit_code=2)
    try:
        # Editors on Windows write a byte order mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise screen.CommandError(f"{option} {path!r} is not UTF-8 text", exit_code=2) from error
    if not text.strip():
        raise screen.CommandError(f"{option} {path!r} is empty", exit_code=2)
    return text


def _parsed(path: str, option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise screen.CommandError(
            f"{option} {path!r} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}", exit_code=2
        ) from error
    except (ValueError, RecursionError) as error:
        raise screen.CommandError(f"{option} {path!r} is not JSON: {error}", exit_code=2) from error
