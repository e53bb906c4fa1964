"""Where records stand: partitions and sort keys, named in this one place.

One partition holds everything about one run, so that one query reads it and no
other owner's key can reach it:

    run/<owner>/<run>   record                        the run record
                        approval/<approval>           one approval
                        ledger/<task>/<call>          one metered model call
                        budget/spent                  its counter (``spending``)
                        budget/refusal                why its workers stopped
                        log/<ns>/<number>/!           a checkpoint or a claim
                        log/<ns>/<number>/w/<task>    a finished task's writes
                        log/<ns>/<number>/s/<task>    its interrupt, error, answers
    runs/<owner>        <time>/<run>                  the owner's run, for listings
    workflows/<env>     <name>                        a workflow of the registry
    breakers            <subject>                     a circuit (``backoff/breaker``)
    budgets             <scope>/all, <scope>/<day>    the counter of a shared limit
    admission/<scope>   slot/… and ticket/…           who runs (``running_slots``)

``<ns>`` is the percent-encoded checkpoint namespace; ``@``, which encoding never
yields, stands for the root graph.
``<number>`` is the entry's place in its log: ten digits, counting from 1.
``<time>`` is when the run was admitted, in UTC, to the microsecond.
``!`` sorts before letters, so a descending read meets a checkpoint's writes
before the checkpoint itself.
"""

from datetime import UTC, datetime
from urllib.parse import quote, unquote

RECORD = "record"
APPROVALS = "approval/"
LEDGER = "ledger/"
BUDGET = "budget/"
BUDGET_SPENT = "budget/spent"
BUDGET_REFUSAL = "budget/refusal"
SHARED_BUDGETS = "budgets"

ROOT_NAMESPACE = ""
_ROOT = "@"


def run_partition(owner: str, run_id: str) -> str:
    """Return the partition of everything about one run."""
    return f"run/{quote(owner, safe='')}/{quote(run_id, safe='')}"


def run_partitions(owner: str) -> str:
    """Return what the partition of every run of an owner starts with."""
    return f"run/{quote(owner, safe='')}/"


def run_in(partition: str) -> str:
    """Return the run whose partition this is."""
    return unquote(partition.rpartition("/")[2])


def runs_partition(owner: str) -> str:
    """Return the partition that lists an owner's runs."""
    return f"runs/{quote(owner, safe='')}"


def listing_sort(created_at: datetime, run_id: str) -> str:
    """Return the sort key of a run in its owner's listing: by admission."""
    moment = created_at.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}/{run_id}"


def listed_run(sort: str) -> str:
    """Return the run that a sort key of a listing names."""
    return sort.rpartition("/")[2]


def workflows_partition(environment: str) -> str:
    """Return the partition of an environment's workflow registry."""
    return f"workflows/{quote(environment, safe='')}"


def approval_sort(approval_id: str) -> str:
    """Return the sort key of one approval."""
    return f"{APPROVALS}{approval_id}"


def ledger_sort(task_id: str, call: str) -> str:
    """Return the sort key of one metered model call of a task."""
    return f"{LEDGER}{task_id}/{call}"


def shared_budget_sort(*names: str) -> str:
    """Return the sort key of the counter of a limit that runs share."""
    return "/".join(quote(name, safe="") for name in names)


def shared_budget_names(sort: str) -> tuple[str, ...]:
    """Return the names that ``shared_budget_sort`` joined."""
    return tuple(unquote(name) for name in sort.split("/"))


def log_prefix(namespace: str) -> str:
    """Return what every entry of one namespace's log starts with."""
    return f"log/{quote(namespace, safe='') or _ROOT}/"


def log_sort(namespace: str, number: int, kind: str = "!") -> str:
    """Return the sort key of entry ``number``; ``kind`` is ``!``, ``w/…``, ``s/…``."""
    return f"{log_prefix(namespace)}{number:010d}/{kind}"


def parse_log_sort(sort: str) -> tuple[str, int, str]:
    """Return namespace, number and kind of a log entry's sort key."""
    _, namespace, number, kind = sort.split("/", 3)
    return ("" if namespace == _ROOT else unquote(namespace), int(number), kind)


def after(prefix: str) -> str:
    """Return the greatest sort key that starts with ``prefix``."""
    return prefix + "\U0010fffd"
