"""The embedded cloud: a Pulumi program on an emulated AWS, on this machine.

    cloud = EmbeddedCloud(Path("."), Path(".analemma"), "dev")
    cloud.up()

The emulated AWS keeps everything in memory. A stack's state names the instance
it belongs to; when that is gone, so is all it describes, and the next ``up``
starts from nothing and says so.
"""

import dataclasses
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from analemma.errors import CloudUnavailable
from analemma_platform.emulator import daemon
from analemma_platform.emulator.daemon import RunningEmulator
from analemma_platform.engine.deletions import is_default_provider
from analemma_platform.engine.deployment import Say
from analemma_platform.engine.engine import Engine, say_nothing
from analemma_platform.engine.failures import Unsupported
from analemma_platform.engine.plan import (
    OnStep,
    Plan,
    Result,
    hide_secrets,
    ignore_step,
)
from analemma_platform.engine.provider import Provider
from analemma_platform.engine.stack_files import StackFiles, load, require_stack_name
from analemma_platform.engine.stack_lock import stack_lock
from analemma_platform.engine.state import StackState
from analemma_platform.engine.state_file import StateFile
from analemma_platform.engine.values import Properties
from analemma_platform.realisers.provider import (
    PACKAGE,
    AwsProvider,
    require_loopback,
)

EMULATED_KEY = "test"
"""What the emulated AWS takes as a key. It guards nothing, and is no secret."""

HOST_ARTIFACT = {"analemma:artifact": "host"}
"""The one setting that differs from AWS: functions run on this host's processor."""


ANNOUNCEMENT = "outputs.json"
"""Where a deployed stack says what it exports and where it answers."""


class EmulatorHost(Protocol):
    """Starts and stops the emulated AWS of a home."""

    def start(self, home: Path) -> RunningEmulator:
        """Return the emulator of ``home``, started if there is none."""
        ...

    def status(self, home: Path) -> RunningEmulator | None:
        """Return the emulator of ``home`` if it runs."""
        ...

    def stop(self, home: Path) -> bool:
        """End the emulator of ``home``; tell whether there was one."""
        ...


class DaemonHost:
    """The emulator as a process of its own, which outlives this one."""

    def start(self, home: Path) -> RunningEmulator:
        """Return the daemon of ``home``, started if there is none."""
        return daemon.start(home)

    def status(self, home: Path) -> RunningEmulator | None:
        """Return the daemon of ``home`` if it runs."""
        return daemon.status(home)

    def stop(self, home: Path) -> bool:
        """End the daemon of ``home``; tell whether there was one."""
        return daemon.stop(home)


@dataclass(frozen=True, slots=True)
class CloudStatus:
    """What there is of a stack. ``stale``: its cloud is gone, only a state is left."""

    stack: str
    running: bool
    deployed: bool
    stale: bool
    resources: int
    endpoint: str | None = None
    pid: int | None = None
    instance: str | None = None


class EmbeddedCloud:
    """One stack of the project at ``project_root``, kept below ``home``."""

    def __init__(
        self,
        project_root: Path,
        home: Path,
        stack: str,
        emulator: EmulatorHost | None = None,
        say: Say = say_nothing,
    ) -> None:
        require_stack_name(stack)
        self._root = project_root.resolve()
        self._home = home.resolve()
        self._stack = stack
        self._emulator = DaemonHost() if emulator is None else emulator
        self._say = say
        self._folder = self._home / "cloud" / stack
        self._store = StateFile(self._folder / "state.json")

    def preview(self) -> Plan:
        """Return what ``up`` would do. Leaves nothing behind, not even a daemon.

        Raises:
            ConfigInvalid: the stack's files do not hold.
            DeploymentFailed: ``up`` would fail, and why.
        """
        files = self._files()
        before = self._emulator.status(self._home)
        try:
            running = self._emulator.start(self._home)
            plan = self._engine(files, running).preview()
            return dataclasses.replace(plan, notes=self._notes(running))
        finally:
            if before is None:
                self._emulator.stop(self._home)

    def up(self, on_step: OnStep = ignore_step) -> Result:
        """Make the stack what its program says.

        Raises:
            ConfigInvalid: the stack's files do not hold; nothing was changed.
            StackBusy: another command is changing it.
            DeploymentFailed: something failed; the steps before it stand, and
                the same command continues from there.
        """
        files = self._files()
        with self._locked():
            running = self._emulator.start(self._home)
            notes = self._notes(running)
            result = self._engine(files, running).up(on_step)
            self._announce(running)
            return dataclasses.replace(result, notes=notes)

    def refresh(self, on_step: OnStep = ignore_step) -> Result:
        """Correct the state by what is really there.

        Raises:
            CloudUnavailable: the stack is not deployed.
        """
        files = self._files()
        with self._locked():
            running, _ = self._deployed()
            return self._engine(files, running).refresh(on_step)

    def destroy(
        self, on_step: OnStep = ignore_step, *, unprotect: bool = False
    ) -> Result:
        """Delete everything of the stack; the last stack takes the daemon along.

        ``unprotect`` also deletes what is protected: in a cloud that lives in
        memory, that guards nothing but the habit.

        Raises:
            Protected: a resource is protected; nothing was deleted.
            DeploymentFailed: something would not go; the rest is in the state.
        """
        with self._locked():
            running = self._emulator.status(self._home)
            notes = self._notes(running)
            state = self._store.read()
            if running is None or state is None or state.instance != running.instance:
                self._store.delete()
                result = Result(self._stack, ())
            else:
                engine = self._engine(self._files(), running)
                result = engine.destroy(on_step, force=unprotect)
            (self._folder / ANNOUNCEMENT).unlink(missing_ok=True)
            if running is not None and not self._stacks_on(running.instance):
                self._emulator.stop(self._home)
            return dataclasses.replace(result, notes=notes)

    def status(self) -> CloudStatus:
        """Return what there is of the stack, without starting anything."""
        running = self._emulator.status(self._home)
        state = self._store.read()
        here = (
            state is not None
            and running is not None
            and state.instance == running.instance
        )
        return CloudStatus(
            stack=self._stack,
            running=running is not None,
            deployed=here,
            stale=state is not None and not here,
            resources=_count(state) if state is not None and here else 0,
            endpoint=None if running is None else running.endpoint,
            pid=None if running is None else running.pid,
            instance=None if running is None else running.instance,
        )

    def outputs(self) -> Properties:
        """Return the stack's outputs, ``[secret]`` in the place of secrets.

        Raises:
            CloudUnavailable: the stack is not deployed.
        """
        _, state = self._deployed()
        return hide_secrets(state.outputs, state.secret_outputs)

    def _announce(self, running: RunningEmulator) -> None:
        """Write where the stack is, for commands that know no Pulumi."""
        document = {
            "outputs": self.outputs(),
            "endpoint_url": running.endpoint,
            "access_key_id": EMULATED_KEY,
            "secret_access_key": EMULATED_KEY,
        }
        path = self._folder / ANNOUNCEMENT
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(document, indent=2), encoding="utf-8")
        fresh.replace(path)

    def _deployed(self) -> tuple[RunningEmulator, StackState]:
        running = self._emulator.status(self._home)
        state = self._store.read()
        if running is None or state is None or state.instance != running.instance:
            raise CloudUnavailable(
                f"stack {self._stack} is not deployed here: "
                f"analemma cloud up --stack {self._stack}"
            )
        return running, state

    def _files(self) -> StackFiles:
        files = load(self._root, self._stack)
        return dataclasses.replace(files, config={**files.config, **HOST_ARTIFACT})

    def _engine(self, files: StackFiles, running: RunningEmulator) -> Engine:
        require_loopback(running.endpoint)
        return Engine(
            files,
            self._store,
            _providers(running.endpoint, files.program),
            instance=running.instance,
            stack_outputs=lambda name: self._outputs_of(name, files, running),
            say=self._say,
        )

    def _outputs_of(
        self, name: str, files: StackFiles, running: RunningEmulator
    ) -> tuple[Properties, frozenset[str]]:
        project, _, stack = name.rpartition("/")
        project = project.rpartition("/")[2] or files.project
        state = StateFile(self._home / "cloud" / stack / "state.json").read()
        if (
            state is None
            or state.project != project
            or state.instance != running.instance
        ):
            raise CloudUnavailable(
                f"stack {name} is not deployed here: analemma cloud up --stack {stack}"
            )
        return state.outputs, state.secret_outputs

    def _notes(self, running: RunningEmulator | None) -> tuple[str, ...]:
        state = self._store.read()
        instance = None if running is None else running.instance
        if state is None or state.instance == instance:
            return ()
        return (
            f"the embedded cloud of the last deployment is gone, and with it its "
            f"{len(state.resources)} resources: this starts from nothing",
        )

    def _stacks_on(self, instance: str) -> bool:
        for path in (self._home / "cloud").glob("*/state.json"):
            state = StateFile(path).read()
            if state is not None and state.instance == instance:
                return True
        return False

    def _locked(self) -> AbstractContextManager[None]:
        return stack_lock(self._folder / "lock", self._stack)


def _count(state: StackState) -> int:
    """Return how many resources the program made; default providers are ours."""
    return sum(not is_default_provider(resource) for resource in state.resources)


def _providers(endpoint: str, directory: Path) -> Callable[[str, Properties], Provider]:
    def make(package: str, settings: Properties) -> Provider:
        if package != PACKAGE:
            raise Unsupported(f"the embedded cloud does not know package {package!r}")
        return AwsProvider(endpoint, settings, directory)

    return make
