"""The question to the model: figures and names, never the audited source.

Text of the audited package could carry orders to the model, so none of it is
sent: no excerpt, no docstring, only paths, names and numbers.
"""

import json
from typing import TypedDict

from analemma.models import ModelRequest
from auditor.state import AuditState, DistributionFacts, Totals

FIGURES = "Figures (JSON):\n"
SYSTEM = (
    "You write the summary of a static audit of a Python package for the engineer "
    "who decides whether to depend on it. Use only the figures given; invent "
    "nothing, and do not call the package safe: static rules cannot show that. "
    "Plain text, two short paragraphs, at most 160 words: first what the package "
    "is and how it is kept, then what to look at first, naming files."
)
MAX_TOKENS = 700
_TOP = 8


class Figures(TypedDict):
    """What the model, or the script, is given."""

    package: str
    version: str
    totals: Totals
    rules: list[tuple[str, str, int]]
    top_risks: list[str]
    complex_functions: list[str]
    modules_first: list[str]
    touches: dict[str, int]
    skipped: int
    compiled: int


def figures_of(state: AuditState) -> Figures:
    """Return the figures of an audit whose findings have been ranked."""
    facts: DistributionFacts = state["distribution"]
    ranking = state["ranking"]
    return {
        "package": facts["name"],
        "version": facts["version"],
        "totals": state["totals"],
        "rules": [(r["rule"], r["severity"], r["count"]) for r in ranking["rules"]],
        "top_risks": [
            f"{r['severity']}: {r['rule']} at {r['path']}:{r['line']}"
            for r in ranking["risks"][:_TOP]
        ],
        "complex_functions": [
            f"{f['path']}:{f['line']} {f['name']} (complexity {f['complexity']})"
            for f in ranking["functions"][:_TOP]
        ],
        "modules_first": [m["path"] for m in ranking["modules"][:_TOP]],
        "touches": {e["kind"]: e["places"] for e in ranking["effects"]},
        "skipped": len(ranking["skipped"]),
        "compiled": len(facts["compiled"]),
    }


def write_prompt(state: AuditState) -> ModelRequest:
    """Return the question about an audit whose findings have been ranked."""
    wish = (state.get("instructions") or "").strip()
    stress = f"The reader asks you to stress: {wish}\n\n" if wish else ""
    return ModelRequest(
        prompt=stress + FIGURES + json.dumps(figures_of(state), sort_keys=True),
        system=SYSTEM,
        max_tokens=MAX_TOKENS,
    )


def read_figures(request: ModelRequest) -> Figures:
    """Return the figures inside a question that ``write_prompt`` wrote."""
    figures: Figures = json.loads(request.prompt.rpartition(FIGURES)[2])
    return figures
