"""Alerts to others: what changed on an exposure, as Avro packets in files or for a Kafka broker."""
