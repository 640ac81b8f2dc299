"""The working status: what runs, what failed, and what is left to do."""
