"""Reference images chosen, replaced and averaged in sets, with pages and tasks."""
