"""Practice: known stars for newcomers to vote on, which counts nowhere else."""
