"""Results compared with a truth: a simulation's, or artificial stars."""
