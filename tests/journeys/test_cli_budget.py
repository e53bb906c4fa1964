"""Limits as people meet them, with the vendors' clients and worker processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from analemma.kernelspace.ledger import Ledger
from analemma.records.spending import Counter
from command_line import CommandLine
from graphs_files import COUNT, target
from kernel_cli import CommandHere
from kernel_desk import open_desk
from model_servers import KEY, MODEL, ModelServer
from tallying_vendors import VENDORS, Tallying

TASKS = 24

ASKING = '''
"""Send many tasks that each ask the model something of another length."""
import operator
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Send
from analemma.models import ModelRequest, current_model

class State(TypedDict, total=False):
    item: int
    tasks: int
    said: Annotated[list[str], operator.add]

def scatter(state):
    return [Send("work", {"item": n}) for n in range(state["tasks"])]

def work(state):
    prompt = " ".join(f"word{n}" for n in range(state["item"] % 7 + 1))
    answer = current_model().ask(ModelRequest(prompt, max_tokens=40))
    return {"said": [answer.text]}

def first(state):
    return {"said": [current_model().ask(ModelRequest("one", max_tokens=9)).text]}

graph = (
    StateGraph(State).add_node(first).add_node(work)
    .add_edge(START, "first")
    .add_conditional_edges("first", scatter, ["work"]).compile()
)
'''

PRICES = (300_000, 2_500_000)
FAN_OUT = {"min_tasks": 2, "batch_size": 4, "max_concurrency": 3}


@pytest.fixture
def asking(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_asking", ASKING)


@pytest.fixture(params=sorted(VENDORS))
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(vendor: str) -> Iterator[ModelServer]:
    made = ModelServer(Tallying(VENDORS[vendor](), *PRICES))
    with made.running():
        yield made


def command(
    home: Path, vendor: str, server: ModelServer, **limits: object
) -> CommandLine:
    # Processes of their own: nobody closes a vendor's client before they end.
    policy = {
        "fan_out": FAN_OUT,
        "limits": {"least_answer_tokens": 40, **limits},
    }
    entry = {
        "model": MODEL,
        "input_micro_usd_per_mtok": PRICES[0],
        "output_micro_usd_per_mtok": PRICES[1],
        "base_url": server.url,
    }
    return CommandLine.at(
        home,
        ANALEMMA_POLICY=json.dumps(policy),
        ANALEMMA_MODELS=json.dumps({vendor: entry}),
        **{f"{vendor.upper()}_API_KEY": KEY},
    )


def latest(analemma: CommandLine) -> str:
    found: str = analemma("list", "--json", "-n", "1").document[0]["run_id"]
    return found


def ledger(home: Path, run_id: str) -> Ledger:
    with open_desk(home) as desk:
        found = Ledger(desk.machine.records, "local", run_id, "reader")
        found.load()
    return found


def bill(server: ModelServer) -> Tallying:
    assert isinstance(server.vendor, Tallying)
    return server.vendor


def test_worker_processes_together_pass_no_limit_and_their_ledger_is_the_bill(
    tmp_path: Path, asking: str, vendor: str, server: ModelServer
) -> None:
    """24 calls of up to 350 tokens each take about 9; the limit lets three begin."""
    analemma = command(tmp_path / "home", vendor, server)

    ended = analemma(
        "run",
        asking,
        "-i",
        json.dumps({"tasks": TASKS}),
        "--budget",
        "tokens=1200",
        "--budget",
        "micro_usd=900",
    )

    assert ended.code == 0, ended
    billed = bill(server)
    paid = ledger(tmp_path / "home", latest(analemma))
    assert billed.calls == TASKS + 1
    assert billed.tokens <= 1200
    assert (paid.tokens, paid.micro_usd) == (billed.tokens, billed.micro_usd)


@pytest.mark.parametrize("vendor", ["gemini"], indirect=True)
def test_a_run_that_meets_its_limit_says_so_and_goes_on_with_a_larger_one(
    tmp_path: Path, asking: str, vendor: str, server: ModelServer
) -> None:
    analemma = command(tmp_path / "home", vendor, server, wait_seconds=0)
    ended = analemma(
        "run", asking, "-i", json.dumps({"tasks": TASKS}), "--budget", "tokens=400"
    )

    run, billed = latest(analemma), bill(server)
    assert ended.code == 1
    assert billed.tokens <= 400
    assert "which does not fit the 400 of the run" in ended.out
    assert f"go on: analemma resume {run} --budget tokens=800" in ended.out

    shown = analemma("budget", run, "--json").document
    (tokens,) = [row for row in shown if row["budget"] == "tokens"]
    assert tokens["spent"] == billed.tokens
    assert tokens["left"] == 400 - billed.tokens
    assert (tokens["reserved"], tokens["unknown"]) == (0, 0)

    assert analemma("resume", run, "--budget", "tokens=9000").code == 0
    paid = ledger(tmp_path / "home", run)
    assert billed.calls == TASKS + 1
    assert (paid.tokens, paid.micro_usd) == (billed.tokens, billed.micro_usd)


@pytest.mark.parametrize("vendor", ["gemini"], indirect=True)
def test_a_limit_of_the_environment_stops_runs_until_it_is_raised(
    tmp_path: Path, asking: str, vendor: str, server: ModelServer
) -> None:
    home = tmp_path / "home"
    low = {"environment": {"micro_usd": 185}}
    analemma = command(home, vendor, server, wait_seconds=0, **low)
    ended = analemma("run", asking, "-i", json.dumps({"tasks": 1}))
    assert ended.code == 0
    ended = analemma("run", asking, "-i", json.dumps({"tasks": 1}))

    run = latest(analemma)
    assert ended.code == 1
    assert "of the environment" in ended.out
    assert f"analemma resume {run}" in ended.out
    assert "--budget" not in ended.out
    table = analemma("budget").out
    assert "the environment" in table
    assert f"{bill(server).micro_usd}" in table

    high = {"environment": {"micro_usd": 9000}}
    analemma = command(home, vendor, server, **high)
    assert analemma("resume", run).code == 0


def test_budget_without_limits_says_that_there_are_none(tmp_path: Path) -> None:
    analemma = CommandHere(tmp_path / "home")
    count = target(tmp_path / "graphs", "cli_count", COUNT)
    assert analemma("run", count, "-i", '{"target": 1}').code == 0

    assert "nothing is limited" in analemma("budget").out
    assert analemma("budget", "--json").document == []
    assert analemma("budget", "run-none").code == 2


def test_counters_of_a_run_stay_encrypted_in_an_encrypted_home(
    tmp_path: Path, asking: str
) -> None:
    key = tmp_path / "key"
    here = CommandHere(tmp_path / "home", {"ANALEMMA_ENCRYPTION_KEY_FILE": str(key)})
    assert here("key", "create", str(key)).code == 0
    ended = here(
        "run", asking, "-i", json.dumps({"tasks": 1}), "--budget", "tokens=9000"
    )
    assert ended.code == 1  # nothing is there to answer, but the call was reserved

    with open_desk(tmp_path / "home") as desk:
        partition = f"run/local/{here.run_id()}"
        found = desk.machine.records.get(partition, "budget/spent")
    assert found is not None
    with pytest.raises(ValueError, match="JSON"):
        Counter.model_validate_json(found.body)
