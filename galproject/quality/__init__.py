"""How far the images can be trusted: what was measured of them, and what people say."""
