"""Changes: sources of a search image that differ from their reference."""
