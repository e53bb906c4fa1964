"""The approval: what the person is shown, and what an answer may be."""

from typing import TypedDict

from auditor.state import AuditState, Totals

EDITABLE = ("summary", "title")
_SHOWN_RISKS = 10
_SHOWN_ANSWER = 80


class Question(TypedDict):
    """What the person is shown. ``problem`` is why the last answer was no good."""

    question: str
    package: str
    title: str
    summary: str
    summary_by: str
    totals: Totals
    top_risks: list[str]
    report_goes_to: str
    answers: dict[str, str]
    problem: str


class Edit(TypedDict, total=False):
    """What the person may change while approving."""

    title: str
    summary: str


class AnswerInvalid(ValueError):
    """The answer is neither yes, nor no, nor an edit; the message says why."""


def ask(state: AuditState, report_goes_to: str) -> Question:
    """Return the question about a summarised audit."""
    facts = state["distribution"]
    return {
        "question": f"Write the audit report on {facts['name']} {facts['version']}?",
        "package": facts["name"],
        "title": state["title"],
        "summary": state["summary"],
        "summary_by": state["summary_by"],
        "totals": state["totals"],
        "top_risks": [
            f"{risk['severity']}: {risk['rule']} at {risk['path']}:{risk['line']}"
            for risk in state["ranking"]["risks"][:_SHOWN_RISKS]
        ],
        "report_goes_to": report_goes_to,
        "answers": {
            "true": "write the report",
            "false": "end without a report",
            '{"title": …, "summary": …}': "change either or both, then write it",
        },
        "problem": state.get("answer_problem", ""),
    }


def read_answer(answer: object) -> Edit | None:
    """Return the edit that ``answer`` approves with, or None for a rejection.

    Raises:
        AnswerInvalid: it is not one of the answers the question offers.
    """
    if answer is True:
        return {}
    if answer is False:
        return None
    if not isinstance(answer, dict) or not answer:
        shown = repr(answer)[:_SHOWN_ANSWER]
        raise AnswerInvalid(f"the answer {shown} is not true, false or an edit")
    edit: Edit = {}
    for key, value in answer.items():
        if key not in EDITABLE:
            shown = repr(key)[:_SHOWN_ANSWER]
            raise AnswerInvalid(
                f"{shown} cannot be edited; these can: {', '.join(EDITABLE)}"
            )
        if not isinstance(value, str) or not value.strip():
            raise AnswerInvalid(f"{key} must be a text that is not empty")
        if key == "title":
            edit["title"] = " ".join(value.split())
        else:
            edit["summary"] = value.strip()
    return edit
