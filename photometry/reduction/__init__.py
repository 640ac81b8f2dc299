"""An image from its pixels to measured sources, before anything is stored."""
