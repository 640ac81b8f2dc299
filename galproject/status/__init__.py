"""What runs, what failed, and what is left to do."""
