"""What ``make demo`` and ``make seeded`` make and show."""
