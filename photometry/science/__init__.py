"""The science of photometry, from sky to stack: arrays in, arrays out, no Django."""
