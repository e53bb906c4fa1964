"""Calls in parallel against a limit: reserved, and beside that only checked."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from analemma.hardware.local.home import LocalHome
from analemma.hardware.ports import ModelRequest
from analemma.hardware.providers.gemini import GeminiProvider
from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.ledger import Ledger
from benchmarks.budgets.asking import ANSWER_CAP, PROMPT
from benchmarks.budgets.vendor import MODEL, PRICE, Vendor

TASKS = 12
ANSWER_TOKENS = ANSWER_CAP
"""Every call takes all that its answer may have: the meters differ most."""

_THREADS_A_WORKER = 4
_GRAPH = Path(__file__).with_name("asking.py")


@dataclass(frozen=True, slots=True)
class Setting:
    """How the calls are made at once: in threads of a slice, or in workers."""

    name: str
    graph: str
    workers: int


SETTINGS = (
    Setting("12 threads of one task", "threads", 0),
    Setting("3 workers with 4 threads", "workers", TASKS // _THREADS_A_WORKER),
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run spent: by the provider's bill, and by its ledger."""

    setting: str
    meter: str
    limit: int | None
    calls: int
    at_once: int
    tokens: int
    micro_usd: int
    ledger_tokens: int
    ledger_micro_usd: int
    status: str

    @property
    def holds(self) -> bool:
        """Whether the limit does."""
        return self.limit is None or self.tokens <= self.limit

    @property
    def reconciles(self) -> bool:
        """Whether the ledger is the bill."""
        billed = (self.tokens, self.micro_usd)
        return billed == (self.ledger_tokens, self.ledger_micro_usd)


def bound_tokens() -> int:
    """Return the most that a call of the graph can take."""
    model = GeminiProvider("no-key", model=MODEL, price=PRICE)
    request = ModelRequest(PROMPT % 0, max_tokens=ANSWER_CAP)
    bound = model.bound(request).tokens
    model.close()
    return bound


def call_tokens() -> int:
    """Return what a call of the graph does take."""
    return len((PROMPT % 0).encode()) // 4 + 1 + ANSWER_TOKENS


def limit_tokens() -> int:
    """Return the limit: one call less than are made at once would fill it.

    If calls are only checked, all of them find that nothing is spent.
    """
    return (TASKS - 1) * call_tokens()


def expected_calls() -> int:
    """Return how many calls fit: each while its bound does, beside what is spent."""
    return (limit_tokens() - bound_tokens()) // call_tokens() + 1


def reserved(setting: Setting) -> Spent:
    """Return what a run spends whose calls are reserved."""
    limit = limit_tokens()
    vendor = Vendor(limit // bound_tokens(), ANSWER_TOKENS)
    return _run(setting, "reserved", vendor, limit, {"tasks": TASKS}, limited=True)


def checked(setting: Setting) -> Spent:
    """Return what a run spends whose calls are only checked."""
    limit = limit_tokens()
    vendor = Vendor(TASKS, ANSWER_TOKENS)
    value = {"tasks": TASKS, "limit": limit}
    return _run(setting, "checked", vendor, limit, value, limited=False)


def unlimited(setting: Setting) -> Spent:
    """Return what a run spends that has no limit, every call of another cost."""
    value = {"tasks": 4 * TASKS}
    return _run(setting, "no limit", Vendor(), None, value, limited=False)


def _run(
    setting: Setting,
    meter: str,
    vendor: Vendor,
    limit: int | None,
    value: dict[str, int],
    *,
    limited: bool,
) -> Spent:
    budget = ["--budget", f"tokens={limit}"] if limited else []
    with tempfile.TemporaryDirectory() as folder, vendor.serving():
        home = Path(folder) / "home"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "analemma.entrypoints.cli", "run"),
                *(
                    f"{_GRAPH}:{setting.graph}",
                    "--input",
                    json.dumps(value),
                    "--json",
                    *budget,
                ),
            ],
            env=_environment(home, setting, vendor),
            capture_output=True,
            text=True,
            check=False,
        )
        record = json.loads(done.stdout)
        with LocalHome.open(home) as opened:
            records = opened.records
            ledger = Ledger(records, LOCAL_OWNER, record["run_id"], "reader")
            ledger.load()
    return Spent(
        setting=setting.name,
        meter=meter,
        limit=limit,
        calls=vendor.calls,
        at_once=vendor.most_at_once,
        tokens=vendor.tokens,
        micro_usd=vendor.micro_usd,
        ledger_tokens=ledger.tokens,
        ledger_micro_usd=ledger.micro_usd,
        status=record["status"],
    )


def _environment(home: Path, setting: Setting, vendor: Vendor) -> dict[str, str]:
    fan_out = {
        "min_tasks": 2,
        "batch_size": _THREADS_A_WORKER,
        "max_concurrency": max(1, setting.workers),
    }
    entry = {
        "model": MODEL,
        "input_micro_usd_per_mtok": PRICE.input_micro_usd_per_mtok,
        "output_micro_usd_per_mtok": PRICE.output_micro_usd_per_mtok,
        "base_url": vendor.url,
    }
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("ANALEMMA_", "GEMINI_", "ANTHROPIC_"))
    }
    return inherited | {
        "ANALEMMA_HOME": str(home),
        # An answer that is cut would be another call: not here.
        "ANALEMMA_POLICY": json.dumps(
            {"fan_out": fan_out, "limits": {"least_answer_tokens": ANSWER_CAP}}
        ),
        "ANALEMMA_MODELS": json.dumps({"gemini": entry}),
        "GEMINI_API_KEY": "no-key",
    }
