"""The command line. ``cli`` has the entry point and the exit codes; ``commands`` has a module a command.

- ``options``: the parser, and options of several commands
- ``clients``: a client, real or fake, from the options
- ``terminal``: standard output, standard error and progress
- ``recording``, ``places``: the input; checks of the output
- ``transcribing``, ``transcripts``, ``cleanup``: one job, its output, and the removal of its data from the server
- ``streaming``, ``live``: one realtime session and its display
- ``listings``: what the commands that list and delete share
- ``hints``: additions to error messages about responses
"""
