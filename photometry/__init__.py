"""What was measured: reduction, forced fit, calibration, stored sources, the cross-match."""
