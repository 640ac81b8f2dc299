"""Sources of several filters cross-matched to objects, and stored."""
