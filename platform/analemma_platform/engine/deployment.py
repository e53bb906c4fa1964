"""One deployment: the parts of the engine, put together for one run."""

import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from analemma.errors import AnalemmaError, Rejected
from analemma_platform.engine.autonaming import SETTING, Autonaming
from analemma_platform.engine.deletions import Deleter
from analemma_platform.engine.failures import DeploymentFailed, Interrupted
from analemma_platform.engine.halt import Halt
from analemma_platform.engine.ledger import Ledger
from analemma_platform.engine.monitor import Diagnostics, Monitor, StackOutputs
from analemma_platform.engine.plan import OnStep, Op, Step
from analemma_platform.engine.program import (
    Program,
    Run,
    folder_program,
    run_program,
)
from analemma_platform.engine.provider import ProviderFactory
from analemma_platform.engine.provider_registry import ProviderRegistry
from analemma_platform.engine.pulumi_compat import refusal
from analemma_platform.engine.redaction import Redactor
from analemma_platform.engine.stack_files import StackFiles
from analemma_platform.engine.step_log import StepLog
from analemma_platform.engine.steps import Stepper
from analemma_platform.engine.urns import Namespace, name_of

Say = Callable[[str, str], None]
"""Takes a severity and a message the program gave to ``pulumi.log``."""

_CHANGES = frozenset({Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE})


class Deployment:
    """The parts of one deployment, put together.

    ``ledger`` says which state it starts from and where it is kept.
    """

    def __init__(
        self,
        files: StackFiles,
        ledger: Ledger,
        factory: ProviderFactory,
        stack_outputs: StackOutputs,
        say: Say,
        on_step: OnStep,
        *,
        preview: bool,
    ) -> None:
        namespace = Namespace(files.project, files.stack)
        self._files = files
        self._preview = preview
        self._halt = Halt()
        self._redactor = Redactor()
        for key in files.secret_keys:
            self._redactor.learn(files.config[key])
        for resource in ledger.snapshot().resources:
            for name in resource.secret_inputs & resource.inputs.keys():
                self._redactor.learn(resource.inputs[name])
            for name in resource.secret_outputs & resource.outputs.keys():
                self._redactor.learn(resource.outputs[name])
        self.ledger = ledger
        self.log = StepLog(on_step)
        self.providers = ProviderRegistry(
            namespace, ledger, factory, dict(files.config)
        )
        self.deleter = Deleter(ledger, self.providers, self.log, preview=preview)
        stepper = Stepper(
            ledger,
            self.providers,
            self.deleter,
            Autonaming(files.config.get(SETTING), namespace, secrets.token_bytes(16)),
            self.log,
            self._redactor,
            preview=preview,
        )
        self._monitor = Monitor(
            namespace=namespace,
            directory=files.program,
            ledger=ledger,
            providers=self.providers,
            stepper=stepper,
            log=self.log,
            redactor=self._redactor,
            halt=self._halt,
            stack_outputs=stack_outputs,
            preview=preview,
        )
        self._diagnostics = Diagnostics(say, self._redactor)

    def run(self, program: Program | None) -> None:
        """Run the program (None: the project's own), then delete what it left out.

        Raises:
            DeploymentFailed: something failed after something was changed.
            Rejected: what was asked for cannot be; nothing was changed.
        """
        files = self._files
        run = Run(
            project=files.project,
            stack=files.stack,
            root=files.root,
            directory=files.program,
            config=files.config,
            secret_keys=files.secret_keys,
            preview=self._preview,
        )
        body = folder_program(files.program) if program is None else program
        with self.reporting():
            self.deleter.clear_unsure()
            run_program(body, run, self._monitor, self._diagnostics, self._halt)
            self._halt.check()
            for gone in self.ledger.deleted_early_and_unclaimed():
                self.log.note(Step(Op.DELETE, gone.urn, gone.type, name_of(gone.urn)))
            self.deleter.delete(self.ledger.leftovers())

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Turn whatever is raised into one line without secrets."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - always raised again, as one line
            cause = self._halt.reason or error
            message = self._redactor.redact(_one_line(cause, self._files.program))
            if isinstance(cause, Rejected) and not self._changed_anything():
                raise type(cause)(message) from None
            steps = self.log.steps
            raise DeploymentFailed(message, steps) from _shown_cause(cause)

    def _changed_anything(self) -> bool:
        return not self._preview and any(step.op in _CHANGES for step in self.log.steps)


def _shown_cause(cause: BaseException) -> BaseException | None:
    """Keep the traceback of what nobody raised on purpose."""
    deliberate = isinstance(cause, AnalemmaError | Interrupted)
    return None if deliberate or refusal(cause) is not None else cause


def _one_line(cause: BaseException, directory: Path) -> str:
    if (answer := refusal(cause)) is not None:
        text = answer
    elif isinstance(cause, AnalemmaError | Interrupted):
        text = str(cause)
    else:
        text = f"{type(cause).__name__}: {cause}"
        own = [
            frame
            for frame in traceback.extract_tb(cause.__traceback__)
            if Path(frame.filename).is_relative_to(directory)
        ]
        if own:
            place = Path(own[-1].filename).relative_to(directory)
            text = f"{place}:{own[-1].lineno}: {text}"
    return " ".join(text.split())
