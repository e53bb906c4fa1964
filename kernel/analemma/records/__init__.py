"""Records: the typed facts that cross a boundary, all of them JSON."""
