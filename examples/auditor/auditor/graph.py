"""The auditor: a LangGraph graph that audits an installed Python package.

    list_modules → take_wave ⇉ audit_module → take_wave … → rank → summarise
        → ask_approval → write_report

It has no checkpointer: whoever runs it brings one. Every node gives the same
answer when it is run again, so a crash between a node and its checkpoint costs
time and nothing else.
"""

from pathlib import Path
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from analemma.models import ModelRequest, current_model
from auditor import question, ranking, report, scripted
from auditor.files import report_path, write_whole
from auditor.prompt import write_prompt
from auditor.state import (
    AuditInput,
    AuditOutput,
    AuditState,
    DistributionFacts,
    ModuleTask,
)
from auditor.tools import audit
from auditor.tools.distributions import installed, list_files

DEFAULT_WAVE = 40


class RequestInvalid(ValueError):
    """The input of the audit does not hold; the message names the key."""


def list_modules(state: AuditInput) -> AuditState:
    """Find the distribution and make the work list: its modules, sorted.

    Raises:
        RequestInvalid: the input is not a request for an audit.
        PackageMissing: the distribution is not installed, or has no source.
    """
    package = state.get("package")
    if not isinstance(package, str) or not package.strip():
        raise RequestInvalid('"package" must name an installed distribution')
    limit = _positive(state, "limit")
    dist = installed(package.strip())
    files = list_files(dist)
    about = dist.metadata.json
    facts: DistributionFacts = {
        "name": dist.name,
        "version": dist.version,
        "summary": str(about.get("summary", "")),
        "license": str(about.get("license_expression", about.get("license", ""))),
        "requires_python": str(about.get("requires_python", "")),
        "requires": sorted(dist.requires or ()),
        "found_by": files.found_by,
        "modules": len(files.modules),
        "compiled": list(files.compiled),
    }
    return {"distribution": facts, "pending": list(files.modules[:limit])}


def take_wave(state: AuditState) -> AuditState:
    """Move the next modules from the work list into the wave."""
    size = _positive(state, "wave_size") or DEFAULT_WAVE
    pending = state["pending"]
    return {"wave": pending[:size], "pending": pending[size:]}


def fan_out(state: AuditState) -> list[Send] | Literal["rank"]:
    """Send one task for each module of the wave; go on when there is none."""
    package = state["distribution"]["name"]
    tasks = [
        Send("audit_module", ModuleTask(package=package, path=path))
        for path in state["wave"]
    ]
    return tasks or "rank"


def audit_module(state: ModuleTask) -> AuditState:
    """Parse and measure one module, and find its risks."""
    return {
        "findings": [audit.audit_module(installed(state["package"]), state["path"])]
    }


def rank(state: AuditState) -> AuditState:
    """Add everything up and put what deserves attention first."""
    return {
        "totals": ranking.add_up(state["findings"]),
        "ranking": ranking.rank(state["findings"]),
        "title": report.default_title(state),
    }


def summarise(state: AuditState) -> AuditState:
    """Ask the model, or the script where there is none, for a summary."""
    model = current_model()
    answer = model.ask(write_prompt(state))
    if model.name == "scripted":
        return {"summary": answer.text, "summary_by": scripted.AUTHOR}
    return {"summary": answer.text, "summary_by": f"{model.name} ({answer.model})"}


def ask_approval(state: AuditState) -> Command[str]:
    """Wait for a person; an answer that is none of those offered is asked again."""
    target = _target(state)
    answer = interrupt(
        question.ask(state, str(target) if target else "the result of this run")
    )
    try:
        edit = question.read_answer(answer)
    except question.AnswerInvalid as error:
        # A new superstep, hence a new question with an id of its own.
        return Command(goto="ask_approval", update={"answer_problem": str(error)})
    if edit is None:
        return Command(goto=END, update={"outcome": "rejected", "answer_problem": ""})
    update = {"answer_problem": "", **edit}
    if "summary" in edit:
        update["summary_by"] = "the person who approved this report"
    return Command(goto="write_report", update=update)


def write_report(state: AuditState) -> AuditState:
    """Write the report into the result and, if asked for, into a file."""
    text = report.write_report(state)
    target = _target(state)
    if target:
        write_whole(target, text)
    return {
        "report": text,
        "report_path": str(target) if target else None,
        "outcome": "written",
    }


def scripted_answer(request: ModelRequest) -> str:
    """Answer in place of a model; the runtime calls it when no key is set."""
    return scripted.answer(request)


def _positive(state: AuditInput, key: Literal["limit", "wave_size"]) -> int | None:
    number = state.get(key)
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise RequestInvalid(f'"{key}" must be a whole number from 1, not {number!r}')
    return number


def _target(state: AuditState) -> Path | None:
    output_dir = state.get("output_dir")
    if not output_dir:
        return None
    facts = state["distribution"]
    return report_path(output_dir, facts["name"], facts["version"])


def _build() -> StateGraph[AuditState, None, AuditInput, AuditOutput]:
    builder = StateGraph(AuditState, input_schema=AuditInput, output_schema=AuditOutput)
    builder.add_node(list_modules)
    builder.add_node(take_wave)
    builder.add_node("audit_module", audit_module, input_schema=ModuleTask)
    builder.add_node(rank)
    builder.add_node(summarise)
    builder.add_node(ask_approval, destinations=("ask_approval", "write_report", END))
    builder.add_node(write_report)
    builder.add_edge(START, "list_modules")
    builder.add_edge("list_modules", "take_wave")
    builder.add_conditional_edges("take_wave", fan_out, ["audit_module", "rank"])
    builder.add_edge("audit_module", "take_wave")
    builder.add_edge("rank", "summarise")
    builder.add_edge("summarise", "ask_approval")
    builder.add_edge("write_report", END)
    return builder


graph = _build().compile(name="auditor")
