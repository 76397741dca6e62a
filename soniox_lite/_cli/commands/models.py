"""``soniox-lite models``: lists the models for transcription and speech."""

from __future__ import annotations

from .. import options as shared, terminal as screen
from ..clients import open_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ...types.models import Model
    from ...types.tts_models import TtsModel

EXAMPLE = "models"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options and actions of this command."""
    shared.add_json(parser)
    actions = shared.add_actions(parser)
    shared.add_json(shared.add_action(actions, "list", "list the models (the default)", "models list --json", run))


def run(options: argparse.Namespace) -> int:
    """Prints all models. Returns exit code 0; errors are raised."""
    from ...errors import SonioxAPIError  # noqa: PLC0415 - not for --help

    with open_client(options) as client:
        response = client.models.list()
        speech: list[TtsModel] = []
        try:
            speech = client.tts_models.list().models
        except SonioxAPIError as error:
            # Some keys and gateways allow transcription only.
            screen.say(f"warning: the text-to-speech models cannot be listed: {error}")
    if options.json:
        screen.write_json({**response.to_dict(), "tts_models": [model.to_dict() for model in speech]})
    else:
        rows: list[tuple[Model | TtsModel, str]] = [(model, model.transcription_mode) for model in response.models]
        rows += [(model, "speech") for model in speech]
        screen.write_table(
            ("ID", "MODE", "ALIAS OF", "LANGUAGES", "NAME"),
            [(model.id, mode, model.aliased_model_id, len(model.languages), model.name) for model, mode in rows],
        )
    return 0
