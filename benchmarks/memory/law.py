"""The law of a saver's growth, measured: what the rows not run would have cost.

A saver that stores a growing value anew each superstep stores
``b * N + c * N**2`` bytes. Two measured sizes give b and c; a third one that was
measured too says how good the law is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Law:
    """``linear * N + quadratic * N**2``."""

    linear: float
    quadratic: float

    def at(self, supersteps: int) -> float:
        """Return what the law says for so many supersteps."""
        return self.linear * supersteps + self.quadratic * supersteps**2


def fitted(measured: dict[int, float]) -> Law:
    """Return the law through the two largest of the measured sizes.

    Raises:
        ValueError: fewer than two were measured.
    """
    if len(measured) < 2:
        raise ValueError(f"a law needs two measured sizes, not {len(measured)}")
    small, large = sorted(measured)[-2:]
    quadratic = (measured[large] / large - measured[small] / small) / (large - small)
    return Law(measured[large] / large - quadratic * large, quadratic)
