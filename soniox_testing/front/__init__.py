"""Between the port and the API."""
