"""The kernel's Lambda handlers: one module each, one event each."""
