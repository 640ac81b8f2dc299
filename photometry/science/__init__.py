"""How bright stars are, from the sky to the stack: arrays in, arrays out, no Django."""
