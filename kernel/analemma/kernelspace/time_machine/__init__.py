"""The time machine: what a run did, when, and what it knew."""
