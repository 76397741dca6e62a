"""The dataclasses that travel to and from the service.

``api``, ``common`` and ``webhooks`` are the public names; ``api`` loads the modules beside it only as their names are
asked for, so that using one namespace does not pay for the types of all.
"""
