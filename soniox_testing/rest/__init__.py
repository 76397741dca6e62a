"""The REST families of the API: a file for each, and the machinery they share."""
