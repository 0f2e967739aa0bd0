"""How loud the bot is: who is mentioned, what is muted, quiet hours, and the daily digest."""
