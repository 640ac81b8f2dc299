"""What a web server needs."""
