"""What every handler uses of Slack: commands, blocks, forms, files, people, posting."""
