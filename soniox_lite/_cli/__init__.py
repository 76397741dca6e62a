"""What the command line is made of; ``cli`` itself holds the exit codes.

- ``options``: what is typed
- ``transcribe``: the command that makes something on the server
- ``stream``: the command that follows live audio
- ``speak``: the command that makes audio from text
- ``live``: how that shows what is said: plain, as JSON, or on a terminal
- ``recording``: the file or pipe that the audio comes from
- ``places``: where results may go, and where they must not
- ``replies``: what helps about a reply that was an error
- ``traces``: what that leaves there, and how it is removed whatever happens
- ``listings``: the commands that look at, and delete, what is there
- ``session``: from options to a client, real or fake
- ``screen``: the terminal
"""
