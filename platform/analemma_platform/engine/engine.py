"""Preview, bring up, refresh and destroy one stack.

    engine = Engine(files, state_file, providers)
    engine.preview()     what up would do; nothing is written
    engine.up()          do it; the state is written after every step
    engine.refresh()     look at what is there, and correct the state
    engine.destroy()     delete it all, dependents first

A failed ``up`` keeps what it did; the same command continues from there.
"""

import time

from analemma.errors import Rejected
from analemma_platform.engine.deployment import Deployment, Say
from analemma_platform.engine.ledger import Ledger, save_nothing
from analemma_platform.engine.monitor import StackOutputs
from analemma_platform.engine.plan import OnStep, Plan, Result, ignore_step
from analemma_platform.engine.program import Program
from analemma_platform.engine.provider import ProviderFactory
from analemma_platform.engine.refresh import refresh
from analemma_platform.engine.stack_files import StackFiles
from analemma_platform.engine.state import StackState
from analemma_platform.engine.state_file import StateFile
from analemma_platform.engine.values import Properties


def say_nothing(severity: str, message: str) -> None:
    """Drop a message."""


def no_other_stacks(name: str) -> tuple[Properties, frozenset[str]]:
    """Know no stack but this one."""
    raise Rejected(f"there is no stack {name!r} here to refer to")


class Engine:
    """Deploys one stack of one project.

    ``instance`` names the cloud behind ``providers``. A state of another instance
    counts for nothing: that cloud is gone.
    """

    def __init__(
        self,
        files: StackFiles,
        store: StateFile,
        providers: ProviderFactory,
        *,
        instance: str = "",
        stack_outputs: StackOutputs = no_other_stacks,
        say: Say = say_nothing,
        program: Program | None = None,
    ) -> None:
        self._files = files
        self._store = store
        self._factory = providers
        self._instance = instance
        self._stack_outputs = stack_outputs
        self._say = say
        self._program = program

    def preview(self) -> Plan:
        """Return what ``up`` would do now. Changes nothing.

        Raises:
            DeploymentFailed: ``up`` would fail, and why.
        """
        deployment = self._deployment(ignore_step, preview=True)
        deployment.run(self._program)
        return Plan(self._files.stack, deployment.log.steps)

    def up(self, on_step: OnStep = ignore_step) -> Result:
        """Make the stack what its program says.

        Raises:
            DeploymentFailed: something failed; the steps before it stand.
        """
        started = time.monotonic()
        deployment = self._deployment(on_step, preview=False)
        deployment.run(self._program)
        state = deployment.ledger.snapshot()
        self._store.write(state)
        return self._result(deployment, state, started)

    def refresh(self, on_step: OnStep = ignore_step) -> Result:
        """Correct the state by what is really there.

        Raises:
            DeploymentFailed: something could not be read.
        """
        started = time.monotonic()
        deployment = self._deployment(on_step, preview=False)
        with deployment.reporting():
            deployment.deleter.clear_unsure()
            state = refresh(
                deployment.ledger.snapshot(),
                deployment.providers,
                deployment.log,
                self._store.write,
            )
        return self._result(deployment, state, started)

    def destroy(self, on_step: OnStep = ignore_step, *, force: bool = False) -> Result:
        """Delete every resource of the stack, and its state.

        ``force`` also deletes what is protected or to be retained.

        Raises:
            Protected: a resource is protected; nothing was deleted.
            DeploymentFailed: something would not go; the rest is in the state.
        """
        started = time.monotonic()
        deployment = self._deployment(on_step, preview=False)
        resources = deployment.ledger.leftovers()
        with deployment.reporting():
            deployment.deleter.clear_unsure()
            deployment.deleter.delete(resources, force=force)
        self._store.delete()
        empty = StackState(self._files.project, self._files.stack)
        return self._result(deployment, empty, started)

    def _state(self) -> StackState:
        state = self._store.read()
        if state is not None and state.instance == self._instance:
            return state
        # What another instance held went with it.
        return StackState(self._files.project, self._files.stack, self._instance)

    def _deployment(self, on_step: OnStep, *, preview: bool) -> Deployment:
        return Deployment(
            self._files,
            Ledger(self._state(), save_nothing if preview else self._store.write),
            self._factory,
            self._stack_outputs,
            self._say,
            on_step,
            preview=preview,
        )

    def _result(
        self, deployment: Deployment, state: StackState, started: float
    ) -> Result:
        return Result(
            stack=self._files.stack,
            steps=deployment.log.steps,
            seconds=time.monotonic() - started,
            outputs=state.outputs,
            secret_outputs=state.secret_outputs,
        )
