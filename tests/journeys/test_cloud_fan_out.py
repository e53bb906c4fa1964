"""Ten thousand tasks of one superstep through the deployed state machine."""

from pathlib import Path

import pytest

from benchmarks.cloud.project import Wanted
from benchmarks.cloud.stack import deployed
from benchmarks.fan_out import ours

pytestmark = [pytest.mark.slow, pytest.mark.whole, pytest.mark.timeout(3600)]

TASKS = 10_000
DEPLOYED = Path(ours.__file__).parent / "deployed"


def test_ten_thousand_tasks_run_once_each_and_join_in_task_order(
    tmp_path: Path,
) -> None:
    with deployed(tmp_path, Wanted(DEPLOYED, [ours.WORKFLOW])) as stack:
        stack.watch_functions()
        found = ours.run(stack, TASKS)  # raises unless all results are in order

    # A task that ran twice would have tried to record its writes twice. Beside
    # the tasks' stand a dozen writes of the run itself.
    assert TASKS <= found.calls["dynamodb.UpdateItem"] <= TASKS + 20
