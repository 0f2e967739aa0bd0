"""Fine-tuning platforms: profiles, the gateway, and their spellings."""
