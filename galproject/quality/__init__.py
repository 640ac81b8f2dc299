"""How far the images can be trusted: what was measured of it, and what people say."""
