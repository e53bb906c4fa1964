"""The generated state machine on the emulated AWS, driven by a script.

Its functions are a few lines: they log what they were asked in a file and answer
what the run's script says. Deployed once, they serve every script, because a
script lies in a directory named after its run.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analemma.ids import LOCAL_OWNER, page_id
from analemma.kernelspace.state_machine import FunctionArns, definition
from analemma.records.policy import FanOutPolicy
from emulator_deployments import Lambdas, Machines, Run, until, zipped
from emulator_fixture import Emulator
from kernel_script import MAX_CONCURRENCY, RETRY, Script

BUCKET = "pages"
_ENDS = {
    "Analemma.Failed": "failed",
    "Analemma.Terminated": "terminated",
    "Analemma.Buried": "gave up",
}
_HANDLERS = """
    import json, os

    def note(what, event):
        folder = os.path.join(os.environ["SCRIPTS"], event["run_id"])
        file = os.open(os.path.join(folder, "calls"), os.O_RDWR | os.O_APPEND)
        os.write(file, (json.dumps({"what": what, "event": event}) + "\\n").encode())
        os.close(file)
        with open(os.path.join(folder, "calls")) as calls:
            asked = [json.loads(line) for line in calls]
        with open(os.path.join(folder, "script.json")) as script:
            return json.load(script), [each for each in asked if each["what"] == what]

    def die(name):
        raise type(name, (Exception,), {})("scripted")

    def slice(event, context):
        script, asked = note("slice", event)
        step = script["steps"][len(asked) - 1]
        return die(step) if isinstance(step, str) else step

    def worker(event, context):
        script, asked = note("worker", event)
        error = script["worker_errors"].get(str(event["batch"]))
        return die(error) if error else {}

    def park(event, context):
        note("park", event)
        return {}

    def bury(event, context):
        note("bury", event)
        return {"kind": "failed"}
"""


class DeployedMachine:
    """The state machine with its scripted functions, on one emulator."""

    def __init__(self, emulator: Emulator, scripts: Path) -> None:
        self._scripts = scripts
        self._machines = Machines(emulator)
        self.emulator = emulator
        emulator.client("s3").create_bucket(Bucket=BUCKET)
        archive = zipped(_HANDLERS)
        arns = {
            role: Lambdas(emulator).deploy(
                role,
                "",
                zip=archive,
                Handler=f"handler.{role}",
                Environment={"Variables": {"SCRIPTS": str(scripts)}},
            )
            for role in ("slice", "worker", "park", "bury")
        }
        document: Mapping[str, Any] = definition(
            retry=RETRY,
            fan_out=FanOutPolicy(max_concurrency=MAX_CONCURRENCY),
            functions=FunctionArns(**arns),
            bucket=BUCKET,
        )
        self.arn = self._machines.deploy(document["States"], document["StartAt"])

    def start(self, script: Script) -> Run:
        """Lay the script down and start its run's first execution."""
        folder = self._scripts / script.run_id
        folder.mkdir()
        (folder / "calls").touch()
        (folder / "script.json").write_text(
            json.dumps({"steps": script.steps, "worker_errors": script.worker_errors})
        )
        for page in script.pages:
            self.emulator.client("s3").put_object(
                Bucket=BUCKET, Key=f"pages/{LOCAL_OWNER}/{page_id(page)}", Body=page
            )
        given = {"run_id": script.run_id, "owner": LOCAL_OWNER}
        return self._machines.start(self.arn, given, name=script.run_id)

    def calls(self, run_id: str) -> list[dict[str, Any]]:  # Any: JSON
        """Return everything that the functions were asked about a run."""
        text = (self._scripts / run_id / "calls").read_text()
        return [json.loads(line) for line in text.splitlines()]


class StepFunctionsOrchestrator:
    """One run on the deployed state machine."""

    def __init__(self, deployed: DeployedMachine) -> None:
        self._deployed = deployed
        self._script = Script("run-none")
        self._runs: list[Run] = []
        self._answered: set[str] = set()

    def start(self, script: Script) -> None:
        """Start the run's execution."""
        self._script = script
        self._runs = [self._deployed.start(script)]

    def rest(self) -> str:
        """Wait until the run has ended, or until every wait has its token."""
        found: str = until(self._resting)
        return found

    def answer(self, approval_id: str) -> None:
        """Send the token back, as the command line does."""
        token = until(lambda: self._tokens().get(approval_id))
        self._runs[-1].states.send_task_success(taskToken=token, output="{}")
        self._answered.add(approval_id)

    def calls(self, what: str) -> list[dict[str, Any]]:  # Any: JSON
        """Return the events of one kind, in order."""
        found = self._deployed.calls(self._script.run_id)
        return [each["event"] for each in found if each["what"] == what]

    def slept_seconds(self) -> list[int]:
        """Return what entered the machine's Wait state, read from its history."""
        return [
            json.loads(event["stateEnteredEventDetails"]["input"])["seconds"]
            for run in self._runs
            for event in run.events()
            if event["type"] == "WaitStateEntered"
        ]

    def failure(self) -> str:
        """Return the name of the error that the run was buried for."""
        (buried,) = self.calls("bury")
        return str(buried["error"])

    def sizes(self) -> list[int]:
        """Return how long the inputs and outputs of the states were, in bytes."""
        details = [
            event.get("stateEnteredEventDetails")
            or event.get("stateExitedEventDetails")
            for run in self._runs
            for event in run.events()
        ]
        return [
            len(each.get("input") or each.get("output") or "")
            for each in details
            if each is not None
        ]

    def _tokens(self) -> dict[str, str]:
        return {each["approval_id"]: each["token"] for each in self.calls("park")}

    def _resting(self) -> str | None:
        facts = self._runs[-1].facts
        if facts["status"] == "FAILED":
            return _ENDS[facts["error"]]
        if facts["status"] == "SUCCEEDED":
            renewed = self._renewed()
            if renewed is None:
                return "done"
            self._runs.append(renewed)
            return None
        last = self._script.steps[max(0, len(self.calls("slice")) - 1)]
        asked = isinstance(last, dict) and last["kind"] == "await_approval"
        if asked and isinstance(last, dict):
            wanted = {each["approval_id"] for each in self._script.parked(last["ref"])}
            if wanted <= set(self._tokens()) and wanted - self._answered:
                return "waiting"
        return None

    def _renewed(self) -> Run | None:
        """Return the execution that the last one started, if it did."""
        for event in self._runs[-1].events():
            details = event.get("taskSucceededEventDetails", {})
            if details.get("resourceType") == "states":
                arn = json.loads(details["output"])["ExecutionArn"]
                return Run(self._runs[-1].states, arn)
        return None
