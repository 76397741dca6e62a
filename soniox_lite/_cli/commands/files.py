"""``soniox-lite files``: lists and deletes uploaded files."""

from __future__ import annotations

from .. import options as shared, terminal as screen
from ..clients import open_client
from ..listings import PAGE_SIZE, delete_each, human_size, moment_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "files delete --all"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options and actions of this command."""
    shared.add_json(parser)
    actions = shared.add_actions(parser)
    shared.add_json(shared.add_action(actions, "list", "list the files (the default)", "files list --json", run))
    shared.add_delete(actions, "delete files", "files delete 84c32fc6-4fb5-4e7a-b656-b5ec70493753", _delete)


def run(options: argparse.Namespace) -> int:
    """Prints all files. Returns exit code 0; errors are raised."""
    with open_client(options) as client:
        files = list(client.files.list_all(limit=PAGE_SIZE))
    if options.json:
        screen.write_json({"files": [file.to_dict() for file in files]})
    elif not files:
        screen.say("there are no files")
    else:
        rows = [(file.id, human_size(file.size), moment_text(file.created_at), file.filename) for file in files]
        screen.write_table(("ID", "SIZE", "CREATED", "NAME"), rows)
    return 0


def _delete(options: argparse.Namespace) -> int:
    """Deletes files. Returns the exit code of :func:`delete_each`."""
    with open_client(options) as client:
        delete = client.files.delete_if_exists if options.all else client.files.delete
        return delete_each(options, "files", lambda: client.files.list_all(limit=PAGE_SIZE), delete)
