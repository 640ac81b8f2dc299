"""Detection of stars in an image and in the residuals of a fit."""
