"""What changed: changes, new sources, candidates, and what people say of them."""
