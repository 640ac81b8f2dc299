"""What changed and how: arrays in, arrays out, no Django."""
