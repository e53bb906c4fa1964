"""What the embedded cloud and its commands show to the outside."""

import json
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from cloud_stack import CloudStack
from cloud_workers import workers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cloud")]


def test_cloud_and_its_workers_use_no_address_but_the_loopback(cloud: CloudStack):
    cloud.waits(cloud.start("approval", {"amount": 1}))
    daemon = psutil.Process(cloud.analemma("cloud", "status", "--json").document["pid"])
    family = {each.pid: each for each in [daemon, *daemon.children(recursive=True)]}
    assert {worker.pid for worker in workers(cloud)} < family.keys()
    addresses = [
        connection.laddr
        for process in family.values()
        for connection in process.net_connections(kind="inet")
    ]
    listening = [
        connection.laddr.port
        for process in family.values()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in addresses} == {"127.0.0.1"}
    assert [f"http://127.0.0.1:{port}" for port in listening] == [cloud.aws.endpoint]


def test_every_verb_prints_one_json_document_and_never_the_task_token(
    cloud: CloudStack,
):
    started = cloud("run", "approval", "--input", '{"amount": 9}', "--json")
    run_id = started.document["run_id"]
    (approval,) = cloud.waits(run_id)
    token = approval.task_token
    assert len(token) > 40

    in_project = ("--project", str(cloud.project.root), "--stack", cloud.name)
    to_cloud = ("--cloud", cloud.name)
    looking = {
        ("status", run_id, *to_cloud): 3,
        ("resume", run_id, *to_cloud): 3,
        ("list", *to_cloud): 0,
        ("approvals", *to_cloud): 0,
        ("timeline", run_id, *to_cloud): 0,
        ("show", run_id, *to_cloud): 0,
        ("verify", run_id, *to_cloud): 0,
        ("cloud", "status", *in_project): 0,
        ("cloud", "outputs", *in_project): 0,
        ("cloud", "refresh", *in_project): 0,
    }
    # Two at a time: most of a command is its start.
    with ThreadPoolExecutor(2) as people:
        said = list(people.map(lambda verb: cloud.analemma(*verb, "--json"), looking))
    approved = cloud("approve", approval.approval_id, "--json")
    refused = cloud("reject", approval.approval_id, "--json")

    codes = [ended.code for ended in (started, *said, approved)]
    assert codes == [0, *looking.values(), 0]
    for ended in (started, *said, approved):
        assert json.loads(ended.out)
        assert token not in ended.out + ended.err
        assert ended.err == ""
    # What is refused prints no document, and one line that says why.
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.count("\n") == 1
    assert token not in refused.err
    cloud.rest(run_id)
