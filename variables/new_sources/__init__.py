"""Stars missing on the reference, found and followed over epochs and references."""
