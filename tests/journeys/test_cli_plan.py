"""``analemma plan`` as people use it: tables, a document, a drawing, advice."""

import json
import re
import sys
from pathlib import Path

import pytest

from command_line import CommandLine
from graphs_files import ASK, COUNT, target
from kernel_cli import CommandHere, digest_of
from model_servers import KEY, MODEL, Anthropic, Gemini, ModelServer, Reply

ROOT = Path(__file__).parents[2]
FAN_OUT = str(ROOT / "examples/minimal/fan_out.py") + ":graph"
AUDITOR = str(ROOT / "examples/auditor/auditor/graph.py") + ":graph"

NASTY = """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    n: int

graph = StateGraph(State)
graph.add_node("[red]a[/red] " + "long " * 30, lambda state: {})
graph.add_edge(START, "[red]a[/red] " + "long " * 30)
"""


@pytest.fixture
def analemma(tmp_path: Path) -> CommandHere:
    return CommandHere(tmp_path / "home")


@pytest.fixture
def count(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_plan_count", COUNT)


def test_a_plan_runs_nothing_and_makes_no_home(
    analemma: CommandHere, count: str
) -> None:
    before = digest_of(analemma.home.parent)

    ended = analemma("plan", count)

    assert (ended.code, ended.err) == (0, "")
    assert not analemma.home.exists()
    assert digest_of(analemma.home.parent) == before


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_into_the_terminal(analemma: CommandHere, columns: int) -> None:
    wide = CommandHere(analemma.home, {"COLUMNS": str(columns)})

    out = wide("plan", AUDITOR).out

    assert max(map(len, out.splitlines())) <= columns
    assert "loop: take_wave, then audit_module" in out
    assert "1 / 10 / 100, may fan out" in out
    for row in ("state transitions", "Lambda GB-seconds", "dollars", "S3 writes"):
        assert re.search(rf"^{row}( +[\d,.]+){{3}}$", out, re.MULTILINE), row


def test_names_of_nodes_are_no_markup_and_do_not_break_the_tables(
    analemma: CommandHere, tmp_path: Path
) -> None:
    ended = analemma("plan", target(tmp_path / "graphs", "cli_plan_nasty", NASTY))

    assert ended.code == 0
    assert "[red]a[/red]" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_the_document_has_exact_dollars_and_all_bounds(analemma: CommandHere) -> None:
    found = analemma(
        "plan", FAN_OUT, "--json", "--tasks", "square=25", "--seconds", "0.5"
    ).document

    expected = found["estimates"]["expected"]
    assert (expected["workers"], expected["slices"], expected["transitions"]) == (
        3,
        2,
        2 + 1 + 3 + 2 + 1,
    )
    assert found["assumptions"]["tasks_of"]["square"]["upper"] == 25
    assert found["schedule"]["levels"][0][0]["levels"] == [["square"]]
    assert found["advice"] is None


def test_the_page_shows_what_the_command_prints(analemma: CommandHere) -> None:
    page = (ROOT / "docs/plan.md").read_text(encoding="utf-8")
    shown = page.partition("\nfan_out  2 nodes")[2].partition("```")[0]

    out = analemma("plan", FAN_OUT, "--seconds", "0.5", "--tasks", "square=25").out
    lines = [line.rstrip() for line in out.splitlines()]

    for line in f"fan_out  2 nodes{shown}".splitlines():
        assert line in lines


def test_the_same_plan_is_the_same_bytes(analemma: CommandHere) -> None:
    first, second = (analemma("plan", AUDITOR, "--json").out for _ in range(2))

    assert first == second


def test_the_drawing_is_all_that_is_printed(analemma: CommandHere) -> None:
    ended = analemma("plan", FAN_OUT, "--mermaid")

    assert ended.out.startswith("flowchart TD\n")
    assert "start ==> n1" in ended.out


def test_policy_and_budget_bound_the_plan(analemma: CommandHere, count: str) -> None:
    policy = json.dumps({"slices": {"supersteps": 4}, "budget": {"supersteps": 100}})
    here = CommandHere(analemma.home, {"ANALEMMA_POLICY": policy})

    found = here("plan", count, "--json").document
    less = here("plan", count, "--json", "--budget", "supersteps=20").document

    assert found["estimates"]["upper"]["supersteps"] == 100
    assert found["estimates"]["upper"]["slices"] == 25
    assert less["estimates"]["upper"]["supersteps"] == 20


def test_a_question_is_a_stop(analemma: CommandHere, tmp_path: Path) -> None:
    found = analemma(
        "plan", target(tmp_path / "graphs", "cli_plan_ask", ASK), "--json"
    ).document

    assert [(stop["kind"], stop["nodes"]) for stop in found["stops"]] == [
        ("interrupt", ["ask"])
    ]


# -- what is refused


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seconds", "square=901"], "node 'square': a task of 901 s is longer"),
        (["--seconds", "11", "--timeout", "10"], "a task of 11 s is longer"),
        (["--seconds", "nobody=1"], "no such node; it has add_up, square"),
        (["--tasks", "square=many"], "lower:expected:upper"),
        (["--passes", "3:2:1"], "lower:expected:upper"),
        (["--json", "--mermaid"], "not both"),
        (["--budget", "dollars=1"], "LIMIT=N"),
        (["--advice", "gemini"], "GEMINI_API_KEY is not set"),
        (["--advice", "claude"], "ANTHROPIC_API_KEY is not set"),
        (["--cloud", "nowhere"], "is not deployed"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_bad_usage_is_one_line_and_changes_nothing(
    analemma: CommandHere, words: list[str], says: str
) -> None:
    ended = analemma("plan", FAN_OUT, *words)

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert says in ended.err
    assert not analemma.home.exists()


def test_without_the_extra_the_verb_says_how_to_get_it(
    analemma: CommandHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith(("networkx", "analemma.kernelspace.planner")) or (
            name == "analemma.entrypoints.cli.plan_tables"
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "networkx", None)

    ended = analemma("plan", FAN_OUT)

    assert ended.code == 2
    assert "pip install 'analemma[plan]'" in ended.err


# -- advice

ADVICE = {
    "figures": [
        {
            "node": "square",
            "what": "tasks",
            "lower": 50,
            "expected": 50,
            "upper": 50,
            "why": "the [bold]example[/bold] says so",
        },
        {
            "node": "square",
            "what": "seconds",
            "lower": 1,
            "expected": 2,
            "upper": 9000,
        },
    ],
    "cuts": [{"before": ["add_up"]}],
}


def answer_of(vendor: Anthropic | Gemini, text: str) -> object:
    if isinstance(vendor, Anthropic):
        return vendor.message(text, "end_turn", 10)
    return {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": text}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5},
        "modelVersion": MODEL,
    }


@pytest.mark.parametrize("name", ["claude", "gemini"])
def test_advice_is_asked_of_the_vendor_that_was_named(
    analemma: CommandHere, name: str
) -> None:
    vendor = Anthropic() if name == "claude" else Gemini()
    server = ModelServer(vendor)
    body = json.dumps(answer_of(vendor, json.dumps(ADVICE))).encode()
    server.instead(*[Reply(200, body, {"content-type": "application/json"})] * 2)
    entry = {"model": MODEL, "base_url": server.url}
    environment = {
        # Both keys are there: what was asked for decides.
        "GEMINI_API_KEY": KEY,
        "ANTHROPIC_API_KEY": KEY,
        "ANALEMMA_MODELS": json.dumps(
            {"anthropic" if name == "claude" else "gemini": entry}
        ),
        "NO_PROXY": "127.0.0.1",
    }
    # A process of its own: the vendors' clients close their sockets at its end.
    here = CommandLine.at(analemma.home, **environment)
    with server.running():
        found = here("plan", FAN_OUT, "--advice", name, "--json").document
        printed = here("plan", FAN_OUT, "--advice", name)

    assert len(server.received) == 2
    advice = found["advice"]
    assert MODEL in advice["provider"]
    assert [each["suggestion"] for each in advice["taken"]] == [
        "tasks of square: 50",
        "cut before add_up",
    ]
    (refused,) = advice["refused"]
    assert refused["reason"] == "longer than a Lambda may live (900 s)"
    assert found["estimates"]["expected"]["workers"] == 5
    assert "2 taken, 1 refused" in printed.out
    assert "[bold]example[/bold]" in printed.out
    assert KEY not in printed.out + json.dumps(found)
