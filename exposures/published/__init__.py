"""Published catalogues: read from files, loaded, and asked for their stars."""
