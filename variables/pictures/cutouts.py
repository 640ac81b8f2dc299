"""Cutouts of candidates."""

from variables.pictures.sprite import CutoutLayout, cutout_layout

__all__ = ["CutoutLayout", "cutout_layout"]
