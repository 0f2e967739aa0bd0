"""What is shown of a subject, read once for all who render it."""
