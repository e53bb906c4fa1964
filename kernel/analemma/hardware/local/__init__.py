"""The laptop's adapters: SQLite and plain files in one home directory."""
