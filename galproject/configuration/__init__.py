"""Options of the pipeline, and what differs between machines: checked before anything runs."""
