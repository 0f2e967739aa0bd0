"""The audit trail: its entries, their chain of hashes, and its verification."""
