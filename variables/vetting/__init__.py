"""Vetting: campaigns, leases, decisions and what people agree on."""
