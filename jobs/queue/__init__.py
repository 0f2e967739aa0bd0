"""What is due, who works on it, and what people asked."""
