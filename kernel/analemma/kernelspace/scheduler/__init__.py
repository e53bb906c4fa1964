"""The scheduler: slices, fan-out, and when a run must stop."""
