"""A gate for continuous integration: an eval that a shell asks for, and its verdict against a baseline."""
