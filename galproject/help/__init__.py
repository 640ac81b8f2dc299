"""Help: the glossary, keys, what each page is for, and a field guide to the classes."""
