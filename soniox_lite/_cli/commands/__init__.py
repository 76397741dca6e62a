"""A module a command: ``SUMMARY`` and ``EXAMPLE`` for the help, ``add_options(parser)`` and ``run(options)``.

``soniox-lite`` finds them with :mod:`pkgutil`, also in a zip file. Modules import what costs time inside ``run``,
because the help of the program imports all of them.
"""
