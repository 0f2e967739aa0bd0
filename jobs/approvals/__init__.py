"""The team's sign-off: who may decide, on which evidence, what settles it, and what becomes of it."""
