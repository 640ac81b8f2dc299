"""Statistics and periods of light curves as an export nests them, on whatever host; no Django."""
