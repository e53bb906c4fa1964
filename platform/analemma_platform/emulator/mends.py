"""Put our parts in ministack's places, once per process.

After ``install`` the process serves AWS with our Step Functions and our Lambda
workers; everything else stays ministack's. What is replaced, and why, is listed
in docs/adr/0005.
"""

import time
import uuid

from analemma_platform.emulator import seams
from analemma_platform.emulator.lambda_function import deployed
from analemma_platform.emulator.lambda_pool import LambdaPool
from analemma_platform.emulator.step_functions import actions
from analemma_platform.emulator.step_functions.interpreter import run_execution


def install(pool: LambdaPool) -> None:
    """Replace what ministack does wrongly. Call before the first request."""
    install_step_functions(pool)
    install_lambda(pool)


def install_step_functions(pool: LambdaPool) -> None:
    """Replace the interpreter and the calls that decide about executions."""
    seams.RUN_EXECUTION.replace(run_execution)
    seams.START_EXECUTION.replace(actions.start)
    seams.STOP_EXECUTION.replace(actions.stop)
    seams.MACHINE_FOR_EXECUTION.replace(actions.machine_for_execution)
    seams.VALIDATE_MACHINE.replace(actions.validate)
    for seam, answer in (
        (seams.SEND_SUCCESS, actions.succeed_task),
        (seams.SEND_FAILURE, actions.fail_task),
        (seams.SEND_HEARTBEAT, actions.keep_task),
    ):
        seam.replace(actions.answering(answer, seam.get()))
    for seam in (seams.CREATE_MACHINE, seams.UPDATE_MACHINE):
        seam.replace(actions.checked(seam.get()))
    seams.DELETE_MACHINE.replace(actions.ending(seams.DELETE_MACHINE.get()))

    stock_reset = seams.RESET_STATES.get()

    def reset() -> None:
        actions.end_all(seams.every_execution())
        pool.end_busy()
        stock_reset()

    seams.RESET_STATES.replace(reset)


def stop_everything(pool: LambdaPool) -> None:
    """End every execution and every worker, so that no thread is left waiting."""
    actions.end_all(seams.every_execution())
    pool.close()


def install_lambda(pool: LambdaPool) -> None:
    """Run zipped Python functions in the pool; leave other kinds alone."""
    stock = seams.RUN_FUNCTION.get()

    def run(
        function: seams.Record,
        config: seams.Record,
        event: seams.Foreign,
        request_id: str | None,
        started: float,
    ) -> seams.Record:
        runtime = str(config.get("Runtime", ""))
        if config.get("PackageType") == "Image" or not runtime.startswith("python"):
            result: seams.Record = stock(function, config, event, request_id, started)
            return result
        given_id = request_id or str(uuid.uuid4())
        outcome = pool.invoke(deployed(function, config), event, given_id)
        failed = outcome.error is not None
        seams.emit_logs(
            function,
            given_id,
            outcome.log,
            failed=failed,
            milliseconds=int((time.time() - started) * 1000),
        )
        if failed:
            return {"error": True, "body": outcome.error, "log": outcome.log}
        return {"body": outcome.payload, "log": outcome.log}

    seams.RUN_FUNCTION.replace(run)
