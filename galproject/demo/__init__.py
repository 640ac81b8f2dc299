"""The demonstration and the made-up survey of ``make demo`` and ``make seeded``."""
