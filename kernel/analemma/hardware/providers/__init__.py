"""Model providers: adapters on the vendors' own clients, and a script for tests."""
