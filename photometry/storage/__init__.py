"""Storage of measurements in the database."""
