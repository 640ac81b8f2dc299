"""A chip and an exposure from file to rows, in this process."""
