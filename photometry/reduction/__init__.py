"""The reduction of an image from pixels to measured sources, before storage."""
