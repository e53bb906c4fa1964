"""The shapes of the audit's state: what goes in, what is kept, what comes out.

Everything is plain JSON and relative to the installation, without a timestamp
or an absolute path, so that two runs on two machines hold equal states.
"""

import operator
from typing import Annotated, Literal, TypedDict

Severity = Literal["high", "medium", "low"]
Role = Literal["library", "tests", "vendored"]
Outcome = Literal["written", "rejected"]


class AuditInput(TypedDict, total=False):
    """What a person asks for; only ``package`` is required.

    ``limit`` audits the first so many modules only (None: all of them).
    ``wave_size`` is the most modules that one superstep takes from the work
    list. ``instructions`` tell the model what the summary should stress.
    ``output_dir`` is where the report is also written as a file.
    """

    package: str
    limit: int | None
    wave_size: int | None
    instructions: str | None
    output_dir: str | None


class DistributionFacts(TypedDict):
    """What the installation says about itself.

    ``found_by`` says how its modules were found: ``RECORD`` is exact, the
    others may take in modules of distributions that share a namespace.
    """

    name: str
    version: str
    summary: str
    license: str
    requires_python: str
    requires: list[str]
    found_by: str
    modules: int
    compiled: list[str]


class Risk(TypedDict):
    """One place a reviewer should look at; ``line`` counts from 1."""

    rule: str
    severity: Severity
    line: int
    symbol: str
    excerpt: str


class PlacedRisk(Risk):
    """A risk together with the module that holds it."""

    path: str


class Effect(TypedDict):
    """One place where a module reaches outside of itself."""

    kind: str
    name: str
    line: int
    symbol: str


class FunctionMeasure(TypedDict):
    """One function or method: where it is, how large, how tangled.

    ``calls`` and ``raises`` are dotted names, absolute where an import binds
    them, each once. ``source`` is the text of a complex function, as evidence,
    and empty for the others.
    """

    name: str
    line: int
    lines: int
    complexity: int
    depth: int
    parameters: int
    public: bool
    documented: bool
    annotated: bool
    signature: str
    doc: str
    calls: list[str]
    raises: list[str]
    source: str


class ClassMeasure(TypedDict):
    """One class: its bases, annotated fields and the head of its docstring."""

    name: str
    line: int
    methods: int
    public: bool
    documented: bool
    bases: list[str]
    fields: list[str]
    doc: str


class ModuleAudit(TypedDict):
    """Everything found out about one module.

    ``skipped`` is the reason why it could not be audited, or empty; then the
    figures are zero and the lists are empty.
    """

    path: str
    module: str
    role: Role
    skipped: str
    lines: int
    code_lines: int
    doc: str
    imports: list[str]
    functions: list[FunctionMeasure]
    classes: list[ClassMeasure]
    risks: list[Risk]
    effects: list[Effect]


class Totals(TypedDict):
    """The figures of the package, of library code unless the name says else.

    ``outside_library`` counts the modules that are tests or vendored copies.
    """

    modules: int
    audited: int
    skipped: int
    lines: int
    code_lines: int
    functions: int
    classes: int
    public_names: int
    documented_percent: float
    annotated_percent: float
    mean_complexity: float
    complex_functions: int
    high: int
    medium: int
    low: int
    outside_library: int
    risks_outside_library: int


class PlacedFunction(TypedDict):
    """A function's figures together with the module that holds it."""

    path: str
    name: str
    line: int
    lines: int
    complexity: int
    depth: int
    parameters: int


class ModuleRank(TypedDict):
    """A module and why it stands where it does."""

    path: str
    score: int
    high: int
    medium: int
    low: int
    complex_functions: int
    code_lines: int
    imported_by: int


class SkippedModule(TypedDict):
    """A module that could not be audited, and why."""

    path: str
    reason: str


class RuleCount(TypedDict):
    """How often one rule was met in library code."""

    rule: str
    severity: Severity
    count: int
    modules: int


class EffectCount(TypedDict):
    """How library code reaches outside in one way, and from which modules."""

    kind: str
    places: int
    modules: list[str]
    names: list[str]


class Ranking(TypedDict):
    """What deserves attention first, in order."""

    risks: list[PlacedRisk]
    rules: list[RuleCount]
    functions: list[PlacedFunction]
    modules: list[ModuleRank]
    effects: list[EffectCount]
    undocumented: list[str]
    skipped: list[SkippedModule]


class AuditOutput(TypedDict, total=False):
    """What a finished run returns; the evidence stays in its state."""

    outcome: Outcome
    title: str
    totals: Totals
    summary: str
    summary_by: str
    report: str
    report_path: str | None


class AuditState(AuditInput, AuditOutput, total=False):
    """The whole state. ``findings`` grows, in the order of the work list."""

    distribution: DistributionFacts
    pending: list[str]
    wave: list[str]
    findings: Annotated[list[ModuleAudit], operator.add]
    ranking: Ranking
    answer_problem: str


class ModuleTask(TypedDict):
    """What one task of a wave is given."""

    package: str
    path: str
