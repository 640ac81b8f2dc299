"""Reference sources matched with stars of published catalogues, and stored."""
