"""Production measured again and again: when, what each measurement showed, and how that stands against approval."""
