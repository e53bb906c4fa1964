"""The ports: what the kernel asks of the machine it runs on."""

from analemma.hardware.ports.clock import Clock, SystemClock
from analemma.hardware.ports.models import (
    ModelAnswer,
    ModelProvider,
    ModelRequest,
    ModelUsage,
)
from analemma.hardware.ports.pages import REFRESH_SECONDS, PageStore, StoredPage
from analemma.hardware.ports.records import (
    ABSENT,
    MAX_BODY_BYTES,
    Record,
    RecordConflict,
    RecordStore,
)

__all__ = [
    "ABSENT",
    "MAX_BODY_BYTES",
    "REFRESH_SECONDS",
    "Clock",
    "ModelAnswer",
    "ModelProvider",
    "ModelRequest",
    "ModelUsage",
    "PageStore",
    "Record",
    "RecordConflict",
    "RecordStore",
    "StoredPage",
    "SystemClock",
]
