"""Image quality: measured figures, and people's decisions."""
