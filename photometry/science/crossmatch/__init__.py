"""Which sources of other filters, and of other references, are the same star."""
