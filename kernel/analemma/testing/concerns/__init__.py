"""What is checked, one module a concern."""
