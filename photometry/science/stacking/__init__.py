"""Images of one field resampled and added, and measurements of several averaged."""
