"""How the service spells what it sends and reads."""
