"""What votes say together, and who has seen those of others."""
