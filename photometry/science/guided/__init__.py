"""The PSF and the bright stars of an image whose stars are listed by a reference."""
