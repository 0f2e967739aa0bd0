"""What every room builds on: errors, ids, records, series, labels, hyperparameters, permissions."""
