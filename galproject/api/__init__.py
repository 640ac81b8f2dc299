"""What scripts and notebooks can ask for and do, as JSON, CSV and Parquet."""
