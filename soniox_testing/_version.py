"""The version of soniox_testing, kept inside the folder so that a copied folder still knows it."""

__version__ = "0.1.0"
