"""A module a command: ``EXAMPLE`` for its help, ``add_options(parser)`` and ``run(options)``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Never run: the program imports the module of the given command only. Tools that follow imports, such as
    # PyInstaller, find all of them here.
    from . import (
        completion as completion,
        fetch as fetch,
        files as files,
        models as models,
        speak as speak,
        stream as stream,
        submit as submit,
        transcribe as transcribe,
        transcriptions as transcriptions,
        usage as usage,
        vendor as vendor,
        voices as voices,
    )

# What each command does. ``--help`` reads this, because importing all commands would take half of its time again.
SUMMARIES = {
    "completion": "print the script that completes options in a shell",
    "fetch": "wait for a job of submit and print its transcript",
    "files": "list or delete uploaded files",
    "models": "list the models for transcription and speech",
    "speak": "make audio from a text",
    "stream": "print what is being said, while it is said",
    "submit": "make jobs of recordings, without waiting for them",
    "transcribe": "print what is said in a recording",
    "transcriptions": "list, print or delete transcription jobs",
    "usage": "print what was used and what it cost, by model and day",
    "vendor": "copy this package into a project's own tree",
    "voices": "list, make or delete voices of your own",
}
