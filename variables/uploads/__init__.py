"""Lists of ids or positions that people upload, and the candidates that they match."""
