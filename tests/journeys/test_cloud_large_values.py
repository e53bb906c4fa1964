"""Inputs and results of any size through the deployed state machine."""

import hashlib
import json
from pathlib import Path

import pytest

from analemma.records.transition import MAX_TRANSITION_BYTES
from cloud_histories import payloads
from cloud_stack import CloudStack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]

KIB, MIB = 1024, 1024 * 1024


@pytest.mark.parametrize("size", [256 * KIB, 256 * KIB + 1, 5 * MIB])
def test_input_question_and_result_of_any_size_never_cross_step_functions(
    cloud: CloudStack, tmp_path: Path, size: int
) -> None:
    rest = len(json.dumps({"contract": ""}))
    contract = hashlib.shake_128(b"analemma").hexdigest(size)[: size - rest]
    given, got = tmp_path / "given.json", tmp_path / "got"
    given.write_text(json.dumps({"contract": contract}))
    assert given.stat().st_size == size

    started = cloud("run", "two-approvals", "--input", f"@{given}", "--json")
    assert started.code == 0, started.err
    run_id = started.document["run_id"]
    for approval in cloud.waits(run_id, 2):
        assert cloud("approve", approval.approval_id).code == 0
    cloud.rest(run_id)

    shown = cloud("show", run_id, "--channel", "contract", "--to", str(got))
    assert shown.code == 0, shown.err
    assert got.read_text() == contract
    assert cloud.values(run_id)["signed"] == ["lawyer: True", "manager: True"]
    assert cloud.execution(run_id)["status"] == "SUCCEEDED"
    crossed = list(payloads(cloud, cloud.execution_arn(run_id)))
    assert len(crossed) > 10
    assert max(each.size_bytes for each in crossed) < MAX_TRANSITION_BYTES
