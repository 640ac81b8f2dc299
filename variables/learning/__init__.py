"""Models that learn from votes: trained, stored, and asked about all candidates."""
