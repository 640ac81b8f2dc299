"""Services of the Virtual Observatory: cone searches, and what registries ask of them."""
