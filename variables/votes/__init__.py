"""The consensus of votes, and who has seen the votes of others."""
