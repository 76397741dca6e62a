"""What a test asks for, and what it reads afterwards."""
