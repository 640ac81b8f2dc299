"""What follows when one source takes the place of another."""
