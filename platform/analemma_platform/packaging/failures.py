"""Why an artifact could not be built; never retried by itself."""

from analemma.errors import Rejected


class ArtifactFailed(Rejected):
    """The Lambda zip cannot be built from what is there; nothing was written."""
