"""Add the findings up, and put what deserves attention first.

Only library code is ranked: risks in tests and in vendored copies are counted
apart, since they call for other decisions.
"""

from collections import Counter

from auditor.state import (
    EffectCount,
    ModuleAudit,
    ModuleRank,
    PlacedFunction,
    PlacedRisk,
    Ranking,
    RuleCount,
    Totals,
)
from auditor.tools.measure import COMPLEX
from auditor.tools.risks import worst_first
from auditor.tools.rules import RULES

TOP_RISKS_PER_RULE = 20
TOP_FUNCTIONS = 15
TOP_MODULES = 15
_WEIGHTS = {"high": 10, "medium": 3, "low": 1}
_COMPLEX_WEIGHT = 2


def add_up(findings: list[ModuleAudit]) -> Totals:
    """Return the figures of all ``findings`` together."""
    library = [audit for audit in findings if audit["role"] == "library"]
    functions = [function for audit in library for function in audit["functions"]]
    classes = [found for audit in library for found in audit["classes"]]
    public_functions = [function for function in functions if function["public"]]
    documented = [function["documented"] for function in public_functions]
    documented += [found["documented"] for found in classes if found["public"]]
    severities = Counter(
        risk["severity"] for audit in library for risk in audit["risks"]
    )
    complexities = [function["complexity"] for function in functions]
    return {
        "modules": len(findings),
        "audited": sum(not audit["skipped"] for audit in findings),
        "skipped": sum(bool(audit["skipped"]) for audit in findings),
        "outside_library": len(findings) - len(library),
        "lines": sum(audit["lines"] for audit in library),
        "code_lines": sum(audit["code_lines"] for audit in library),
        "functions": len(functions),
        "classes": len(classes),
        "public_names": len(documented),
        "documented_percent": _percent(sum(documented), len(documented)),
        "annotated_percent": _percent(
            sum(function["annotated"] for function in public_functions),
            len(public_functions),
        ),
        "mean_complexity": round(sum(complexities) / max(len(complexities), 1), 1),
        "complex_functions": sum(value > COMPLEX for value in complexities),
        "high": severities["high"],
        "medium": severities["medium"],
        "low": severities["low"],
        "risks_outside_library": sum(
            len(audit["risks"]) for audit in findings if audit["role"] != "library"
        ),
    }


def rank(findings: list[ModuleAudit]) -> Ranking:
    """Return what deserves attention first; ties go by path and line."""
    library = [audit for audit in findings if audit["role"] == "library"]
    return {
        "risks": _top_risks(library),
        "rules": _count_rules(library),
        "functions": _top_functions(library),
        "modules": _top_modules(library),
        "effects": _count_effects(library),
        "undocumented": [
            f"{audit['path']}:{measure['line']} {measure['name']}"
            for audit in library
            for measure in (*audit["classes"], *audit["functions"])
            if measure["public"] and not measure["documented"]
        ],
        "skipped": [
            {"path": audit["path"], "reason": audit["skipped"]}
            for audit in findings
            if audit["skipped"]
        ],
    }


def _top_risks(library: list[ModuleAudit]) -> list[PlacedRisk]:
    placed: list[PlacedRisk] = [
        {**risk, "path": audit["path"]} for audit in library for risk in audit["risks"]
    ]
    placed.sort(
        key=lambda risk: (
            -_WEIGHTS[risk["severity"]],
            risk["rule"],
            risk["path"],
            risk["line"],
        )
    )
    met: Counter[str] = Counter()
    top: list[PlacedRisk] = []
    for risk in placed:
        met[risk["rule"]] += 1
        if met[risk["rule"]] <= TOP_RISKS_PER_RULE:
            top.append(risk)
    return top


def _count_rules(library: list[ModuleAudit]) -> list[RuleCount]:
    counts: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for audit in library:
        rules = [risk["rule"] for risk in audit["risks"]]
        counts.update(rules)
        modules.update(set(rules))
    return [
        {
            "rule": rule,
            "severity": RULES[rule].severity,
            "count": counts[rule],
            "modules": modules[rule],
        }
        for rule in sorted(counts, key=worst_first)
    ]


def _top_functions(library: list[ModuleAudit]) -> list[PlacedFunction]:
    placed: list[PlacedFunction] = [
        {
            "path": audit["path"],
            "name": function["name"],
            "line": function["line"],
            "lines": function["lines"],
            "complexity": function["complexity"],
            "depth": function["depth"],
            "parameters": function["parameters"],
        }
        for audit in library
        for function in audit["functions"]
        if function["complexity"] > COMPLEX
    ]
    placed.sort(key=lambda f: (-f["complexity"], -f["lines"], f["path"], f["line"]))
    return placed[:TOP_FUNCTIONS]


def _top_modules(library: list[ModuleAudit]) -> list[ModuleRank]:
    importers = _count_importers(library)
    ranked: list[ModuleRank] = []
    for audit in library:
        severities = Counter(risk["severity"] for risk in audit["risks"])
        tangled = sum(f["complexity"] > COMPLEX for f in audit["functions"])
        score = sum(_WEIGHTS[severity] * n for severity, n in severities.items())
        ranked.append(
            {
                "path": audit["path"],
                "score": score + _COMPLEX_WEIGHT * tangled,
                "high": severities["high"],
                "medium": severities["medium"],
                "low": severities["low"],
                "complex_functions": tangled,
                "code_lines": audit["code_lines"],
                "imported_by": importers[audit["module"]],
            }
        )
    ranked.sort(key=lambda m: (-m["score"], -m["imported_by"], m["path"]))
    return [module for module in ranked[:TOP_MODULES] if module["score"]]


def _count_importers(library: list[ModuleAudit]) -> Counter[str]:
    """Count for each module how many others of the package import it."""
    known = {audit["module"] for audit in library}
    importers: Counter[str] = Counter()
    for audit in library:
        importers.update((known & set(audit["imports"])) - {audit["module"]})
    return importers


def _count_effects(library: list[ModuleAudit]) -> list[EffectCount]:
    kinds: dict[str, list[tuple[str, str]]] = {}
    for audit in library:
        for effect in audit["effects"]:
            kinds.setdefault(effect["kind"], []).append((audit["path"], effect["name"]))
    return [
        {
            "kind": kind,
            "places": len(places),
            "modules": sorted({path for path, _ in places}),
            "names": sorted({name for _, name in places}),
        }
        for kind, places in sorted(kinds.items())
    ]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 100.0
