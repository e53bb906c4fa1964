"""Where savers that are wrong in one way each say which checks must find them.

``DEFECTS`` is the proof of the suite: a check that no defect fails proves nothing.
The savers are in ``testing_defects_protocol``, ``…_content`` and ``…_keeping``.
"""

from collections.abc import Callable

from testing_reference import ReferenceSaver

DEFECTS: dict[type[ReferenceSaver], tuple[str, ...]] = {}

Registered = Callable[[type[ReferenceSaver]], type[ReferenceSaver]]


def fails(concern: str, *checks: str) -> Callable[[type], type]:
    """Say which checks of a concern must fail on a saver."""

    def register(saver: type) -> type:
        titles = tuple(f"{concern}/{check}" for check in checks)
        DEFECTS[saver] = (*DEFECTS.get(saver, ()), *titles)
        return saver

    return register
