"""References chosen, withdrawn and combined, with the pages and tasks for that."""
