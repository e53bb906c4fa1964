"""A plan as a JSON document: everything the tables show, and every part of the bill.

Dollars are strings, exact to the pico-dollar.
"""

from dataclasses import asdict
from typing import Any

from analemma.kernelspace.planner.advice import Advice
from analemma.kernelspace.planner.assumptions import Assumptions, Range
from analemma.kernelspace.planner.costs import Estimate
from analemma.kernelspace.planner.plan import Plan
from analemma.kernelspace.planner.stops import Fact
from analemma.records.prices import PRICES, usd

# Any, throughout: JSON.
Document = dict[str, Any]


def document(plan: Plan, advice: Advice | None) -> Document:
    """Return the plan; the same document for the same plan."""
    return {
        "workflow": plan.shape.name,
        "digest": plan.shape.digest,
        "limit": asdict(plan.limit),
        "schedule": asdict(plan.schedule),
        "stops": [_fact(each) for each in plan.stops],
        "notes": [_fact(each) for each in plan.notes],
        "estimates": {
            str(bound): _estimate(each) for bound, each in plan.estimates.items()
        },
        "assumptions": _assumptions(plan.assumptions),
        "policy": plan.policy.model_dump(
            mode="json", include={"budget", "slices", "fan_out"}
        ),
        "prices": [
            asdict(price) | {"as_of": price.as_of.isoformat()} for price in PRICES
        ],
        "advice": None if advice is None else _advice(advice),
    }


def _fact(fact: Fact) -> Document:
    return {"kind": str(fact.kind), "nodes": list(fact.nodes), "why": fact.why}


def _estimate(found: Estimate) -> Document:
    return {
        **asdict(found.counts),
        "gb_seconds": round(found.gb_seconds, 6),
        "usd": f"{usd(found.pico_usd):f}",
        "usd_of": {part.name: f"{usd(part.pico_usd):f}" for part in found.parts},
    }


def _assumptions(found: Assumptions) -> Document:
    return {name: _ranges(value) for name, value in sorted(asdict(found).items())}


def _ranges(value: Any) -> Any:
    if isinstance(value, Range):
        return value.model_dump()
    if isinstance(value, dict):
        return {key: _ranges(each) for key, each in sorted(value.items())}
    return value


def _advice(advice: Advice) -> Document:
    return {
        "provider": advice.provider,
        "model": advice.model,
        "input_tokens": advice.input_tokens,
        "output_tokens": advice.output_tokens,
        "micro_usd": advice.micro_usd,
        "taken": [asdict(each) for each in advice.taken],
        "refused": [asdict(each) for each in advice.refused],
    }
