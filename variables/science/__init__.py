"""The science of variability: arrays in, arrays out, no Django."""
