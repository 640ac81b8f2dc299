"""The choice of reference images."""
