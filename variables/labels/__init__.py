"""Favourites and tags of candidates, of one person or shared by all."""
