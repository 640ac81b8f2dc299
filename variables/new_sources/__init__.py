"""Stars that the reference does not have: found, followed over epochs and over references."""
