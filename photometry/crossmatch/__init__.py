"""Sources of several filters matched to objects, and kept in the database."""
