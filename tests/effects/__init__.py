"""Which result each option changes: the table is in ``tests.effects.table``."""
