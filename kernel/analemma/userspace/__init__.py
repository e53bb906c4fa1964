"""User space: what an agent is."""
