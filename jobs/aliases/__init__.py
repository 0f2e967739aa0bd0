"""Names that point at approved models: how they move, how they go back, and who is told."""
