"""Write the report: Markdown for the engineer who decides about a dependency.

Names, excerpts and the summary come from elsewhere and are untrusted: they are
put in code spans and fences that they cannot close.
"""

from collections.abc import Iterable

from auditor.state import AuditState, PlacedRisk
from auditor.tools.measure import COMPLEX
from auditor.tools.rules import RULES

_SHOWN_PER_RULE = 8
_SHOWN_NAMES = 6


def default_title(state: AuditState) -> str:
    """Return the title of a report that nobody has renamed."""
    facts = state["distribution"]
    return f"Audit of {facts['name']} {facts['version']}"


def write_report(state: AuditState) -> str:
    """Return the report on an audit, ending in a newline."""
    sections = (
        f"# {one_line(state['title'])}",
        _verdict(state),
        f"## Summary\n\n{plain(state['summary'])}\n\n"
        f"Summary by: {plain(state['summary_by'])}.",
        _figures(state),
        _risks(state),
        _modules(state),
        _functions(state),
        _effects(state),
        _gaps(state),
        _method(state),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def one_line(text: str) -> str:
    """Return ``text`` on one line, fit for a heading."""
    return plain(" ".join(text.split()))


def plain(text: str) -> str:
    """Return ``text`` without HTML and images, so that it can only be read."""
    return text.replace("<", "&lt;").replace("![", "!\\[").strip()


def code(text: str) -> str:
    """Return ``text`` as a code span, also inside a table."""
    clean = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return f"`{clean}`"


def _verdict(state: AuditState) -> str:
    facts, totals = state["distribution"], state["totals"]
    scope = f"{totals['audited']} of {facts['modules']} modules audited"
    found = (
        f"**{totals['high']} high, {totals['medium']} medium, {totals['low']} low** "
        "risks in library code"
    )
    optional = sum("extra ==" in requirement for requirement in facts["requires"])
    needs = f"{len(facts['requires']) - optional} requirements, {optional} optional"
    licence = facts["license"] or "no licence declared"
    about = f"> {plain(facts['summary'])}\n\n" if facts["summary"] else ""
    python = f"Python {facts['requires_python'] or 'any'}"
    return f"{about}{scope}. {found}. {plain(licence)}; {plain(python)}; {needs}."


def _figures(state: AuditState) -> str:
    totals = state["totals"]
    rows = (
        (
            "Code lines (of all lines)",
            f"{totals['code_lines']:,} ({totals['lines']:,})",
        ),
        ("Functions, classes", f"{totals['functions']:,}, {totals['classes']:,}"),
        (
            "Public names with a docstring",
            f"{totals['documented_percent']} % of {totals['public_names']:,}",
        ),
        ("Public functions fully annotated", f"{totals['annotated_percent']} %"),
        ("Mean complexity", f"{totals['mean_complexity']}"),
        (f"Functions above complexity {COMPLEX}", f"{totals['complex_functions']}"),
        (
            "Test and vendored modules (risks in them)",
            f"{totals['outside_library']} ({totals['risks_outside_library']})",
        ),
    )
    return "## Figures\n\n" + _table(("figure", "library code"), rows)


def _risks(state: AuditState) -> str:
    ranking = state["ranking"]
    if not ranking["rules"]:
        return "## Risks\n\nNo rule applies anywhere in library code."
    parts = ["## Risks, worst first"]
    for count in ranking["rules"]:
        name = count["rule"]
        found = [risk for risk in ranking["risks"] if risk["rule"] == name]
        parts.append(
            f"### {name.capitalize()} ({count['severity']}): {count['count']} "
            f"in {_modules_text(count['modules'])}\n\n{RULES[name].advice}"
        )
        if count["severity"] == "high":
            parts.extend(_evidence(risk) for risk in found[:_SHOWN_PER_RULE])
        elif found:
            parts.append("\n".join(_place(risk) for risk in found[:_SHOWN_PER_RULE]))
        if (more := count["count"] - min(len(found), _SHOWN_PER_RULE)) > 0:
            parts.append(f"… and {more} more; all are in the run's state.")
    return "\n\n".join(parts)


def _evidence(risk: PlacedRisk) -> str:
    fence = "```"
    while fence in risk["excerpt"]:
        fence += "`"
    return f"{_place(risk)}\n\n{fence}python\n{risk['excerpt']}\n{fence}"


def _place(risk: PlacedRisk) -> str:
    own = RULES[risk["rule"]].severity
    weaker = "" if risk["severity"] == own else f" ({risk['severity']} here: constant)"
    place = code(f"{risk['path']}:{risk['line']}")
    return f"- {place} in {code(risk['symbol'])}{weaker}"


def _modules(state: AuditState) -> str:
    modules = state["ranking"]["modules"]
    if not modules:
        return ""
    rows = (
        (
            code(m["path"]),
            str(m["score"]),
            f"{m['high']} / {m['medium']} / {m['low']}",
            str(m["complex_functions"]),
            f"{m['code_lines']:,}",
            str(m["imported_by"]),
        )
        for m in modules
    )
    head = ("module", "score", "h / m / l", "complex", "code lines", "imported by")
    return (
        "## Where to look first\n\nScore: 10, 3, 1 for each high, medium, low risk, "
        f"and 2 for each function above complexity {COMPLEX}.\n\n" + _table(head, rows)
    )


def _functions(state: AuditState) -> str:
    functions = state["ranking"]["functions"]
    if not functions:
        return ""
    rows = (
        (
            code(f["name"]),
            code(f"{f['path']}:{f['line']}"),
            str(f["complexity"]),
            str(f["lines"]),
            str(f["depth"]),
            str(f["parameters"]),
        )
        for f in functions
    )
    head = ("function", "where", "complexity", "lines", "depth", "parameters")
    return "## Most complex functions\n\n" + _table(head, rows)


def _effects(state: AuditState) -> str:
    effects = state["ranking"]["effects"]
    if not effects:
        return "## What it touches\n\nNothing outside of itself, by the calls it names."
    rows = (
        (
            e["kind"],
            str(e["places"]),
            _listed(e["names"]),
            _listed(e["modules"]),
        )
        for e in effects
    )
    head = ("what", "places", "through", "in")
    return "## What it touches\n\n" + _table(head, rows)


def _gaps(state: AuditState) -> str:
    facts, totals = state["distribution"], state["totals"]
    gaps = [
        f"- {code(skipped['path'])}: {plain(skipped['reason'])}"
        for skipped in state["ranking"]["skipped"]
    ]
    if left := facts["modules"] - totals["modules"]:
        gaps.append(f"- {left} modules are beyond the limit that was asked for.")
    if compiled := facts["compiled"]:
        gaps.append(f"- Compiled, hence not readable: {_listed(compiled)}")
    if facts["found_by"] != "RECORD":
        gaps.append(
            f"- The installation has no list of its files; they were found by "
            f"{facts['found_by']}, and may include those of other distributions in "
            "the same namespace."
        )
    return "## Not audited, or not certain\n\n" + "\n".join(gaps) if gaps else ""


def _method(state: AuditState) -> str:
    return (
        "## How this was made\n\n"
        f"Every module was parsed, never imported, and met by {len(RULES)} rules that "
        "look at syntax alone: they prove neither that a place is wrong nor that the "
        "rest is right. Undocumented public names, signatures, calls and excerpts of "
        f"all {state['totals']['modules']} modules are in the run's state."
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _listed(names: list[str]) -> str:
    shown = ", ".join(code(name) for name in names[:_SHOWN_NAMES])
    more = len(names) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _modules_text(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"
