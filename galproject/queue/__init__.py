"""Chips processed by workers, of which one may die without taking the others with it."""
