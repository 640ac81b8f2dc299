"""Cross-matching of sources in other filters and on other references."""
