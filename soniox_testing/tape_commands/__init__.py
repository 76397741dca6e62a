"""The commands for tapes of ``python -m soniox_testing``."""
