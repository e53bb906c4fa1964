"""IAM documents: for each kernel role, the actions it uses on the ARNs it uses.

No action here has a wildcard, and each has a row in ``uses`` that says who calls
it; a test holds the grants, the rows and the kernel's own code to each other.
The policy of the stack's key stands here too.
"""

from analemma_platform.policies.grants import (
    Reach,
    bury_statements,
    machine_statements,
    park_statements,
    slice_statements,
    sweep_statements,
    worker_statements,
)
from analemma_platform.policies.key_policy import key_document
from analemma_platform.policies.statements import Statement, document, trust_document

__all__ = [
    "Reach",
    "Statement",
    "bury_statements",
    "document",
    "key_document",
    "machine_statements",
    "park_statements",
    "slice_statements",
    "sweep_statements",
    "trust_document",
    "worker_statements",
]
