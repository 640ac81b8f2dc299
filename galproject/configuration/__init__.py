"""What differs between machines and surveys: the environment, checked before anything runs."""
