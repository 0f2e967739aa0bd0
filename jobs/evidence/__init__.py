"""What is known of a job's checkpoints when a team decides on them: each evaluated, paired with base and alias."""
