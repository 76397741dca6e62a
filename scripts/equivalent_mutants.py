"""Mutants that no test can notice, since they change nothing that can be seen, each with the reason."""

EQUIVALENT = {}
