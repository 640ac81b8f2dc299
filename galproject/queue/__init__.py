"""What the queue carries, and workers, of which one may die without taking the others with it."""
