"""Lambdas that die for good, and two writers on one run."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analemma.ids import LOCAL_OWNER
from analemma.kernelspace.admission import admit
from analemma.kernelspace.registry import WorkflowRegistry
from analemma.records.run import RunStatus
from cloud_histories import payloads
from cloud_stack import CloudStack, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]

SMALL_BYTES = 2048


def journal(folder: Path) -> Counter[str]:
    file = folder / "journal"
    return Counter(file.read_text().splitlines() if file.exists() else ())


def test_lambda_that_dies_every_time_is_retried_and_then_buried_with_its_cause(
    cloud: CloudStack, tmp_path
):
    retries = cloud.project.environment("dev")["kernel"]["retry"]["max_attempts"]
    run_id = cloud.start("dying", {"folder": str(tmp_path)})
    record = cloud.rest(run_id, RunStatus.FAILED)
    assert journal(tmp_path)["died"] == 1 + retries
    assert record.failure.cause.startswith("Runtime.ExitError: ")
    assert "exit status 41" in record.failure.cause

    ended = cloud.execution(run_id)
    assert (ended["status"], ended["error"]) == ("FAILED", "Analemma.Buried")
    crossed = list(payloads(cloud, cloud.execution_arn(run_id)))
    died = [each for each in crossed if each.text == "Runtime.ExitError"]
    assert len(died) == 1 + retries
    assert max(each.size_bytes for each in crossed) < SMALL_BYTES

    told = cloud("status", run_id)
    assert told.code == 1
    assert "failed" in told.out
    assert "Runtime.ExitError" in told.out
    # What finished before is kept, and what died has left nothing.
    assert cloud.values(run_id)["count"] == 1


def test_of_two_slices_on_one_run_one_advances_and_the_other_changes_nothing(
    cloud: CloudStack, tmp_path
):
    machine = cloud.place.machine
    run_id = admit(
        machine,
        owner=LOCAL_OWNER,
        workflow=WorkflowRegistry(machine.records, cloud.name).get("contested"),
        value={"folder": str(tmp_path)},
    ).record.run_id
    event = json.dumps({"run_id": run_id, "owner": LOCAL_OWNER})
    client = cloud.client("lambda")

    def invoke():
        answer = client.invoke(
            FunctionName=cloud.outputs["functionNames"]["slice"], Payload=event
        )
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    with ThreadPoolExecutor() as writers:
        both = []
        for number in (1, 2):
            both.append(writers.submit(invoke))
            # The second begins while the first is in the middle of its task.
            eventually(
                lambda: journal(tmp_path)["count 0"],
                lambda begun, number=number: begun == number,
                f"{number} writers at work",
            )
        (tmp_path / "gate").touch()
    (_, lost), (error, won) = (each.result() for each in both)

    assert both[0].result()[0] == "Unhandled"
    assert lost["errorType"] == "LeaseLost"
    assert "kind" not in lost
    assert (error, won["kind"]) == (None, "done")
    assert cloud.values(run_id) == {"folder": str(tmp_path), "count": 10}
    starts = journal(tmp_path)
    assert starts.pop("count 0") == 2
    assert starts == {f"count {n}": 1 for n in range(1, 10)}
    assert cloud("verify", run_id).code == 0
    assert cloud.record(run_id).status is RunStatus.DONE
