"""Interrupts: decisions that only a person can make."""
