"""Parts of a chip, and the sources and changes inside them."""
