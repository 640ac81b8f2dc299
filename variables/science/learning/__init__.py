"""What is learnt from votes: which candidates are real, and of which class."""
