"""Processing of chips and exposures from file to rows, in this process."""
