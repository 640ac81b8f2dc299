"""Positions, footprints, motions and headers of images: arrays in, arrays out, no Django."""
