"""The plane of any two statistics of all stars, and lists of stars that people choose on it."""
