"""The Lambda zip: built without Docker, and the same bytes for the same input.

One zip holds the kernel, its locked dependencies and the workflows of the stack,
and all four kernel functions run from it. Its digest is its identity: Pulumi,
Lambda and a promotion compare nothing else.
"""

from analemma_platform.packaging.artifact import Artifact, LambdaArtifact
from analemma_platform.packaging.failures import ArtifactFailed
from analemma_platform.packaging.platforms import Platform

__all__ = ["Artifact", "ArtifactFailed", "LambdaArtifact", "Platform"]
