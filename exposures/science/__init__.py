"""The science of positions, footprints and motions: arrays in, arrays out, no Django."""
