"""Deployed zips, executed: what AWS's Lambda answers, our workers answer."""

import os
import signal
import threading

import pytest
from botocore.exceptions import ClientError

from emulator_deployments import Lambdas, error_code, until, zipped
from emulator_fixture import Emulator

SLOW = """
    import time
    def handle(event, context):
        print("about to wait", event)
        time.sleep(event["seconds"])
        return "waited"
"""


def test_handler_gets_event_and_context_and_its_result_comes_back(lambdas):
    lambdas.deploy(
        "facts",
        """
        def handle(event, context):
            return {
                "event": event,
                "name": context.function_name,
                "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis(),
                "id": context.aws_request_id,
            }
        """,
        Timeout=7,
    )
    answer, failure = lambdas.invoke("facts", {"n": [1, "é"]})
    assert failure is None
    assert answer["event"] == {"n": [1, "é"]}
    assert answer["name"] == "facts"
    assert answer["arn"].endswith(":function:facts")
    assert 6_000 < answer["left"] <= 7_000
    assert len(answer["id"]) == 36


def test_handler_sees_its_zip_and_no_installed_package(lambdas):
    lambdas.deploy(
        "alone",
        "",
        zip=zipped(
            """
            import importlib.util, os, sys
            import beside
            def handle(event, context):
                return {
                    "beside": beside.VALUE,
                    "boto3": importlib.util.find_spec("boto3") is not None,
                    "site": any("site-packages" in path for path in sys.path),
                    "environment": dict(os.environ),
                }
            """,
            beside="VALUE = 41",
        ),
        Environment={"Variables": {"COLOUR": "blue"}},
    )
    answer, _ = lambdas.invoke("alone")
    assert answer["beside"] == 41
    assert answer["boto3"] is False
    assert answer["site"] is False
    environment = answer["environment"]
    assert environment["COLOUR"] == "blue"
    assert environment["AWS_ENDPOINT_URL"] == lambdas.emulator.endpoint
    assert environment["AWS_ACCESS_KEY_ID"] == "000000000000"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "alone"
    assert "VIRTUAL_ENV" not in environment


def test_exception_becomes_its_class_name_message_and_trace(lambdas):
    lambdas.deploy(
        "raises",
        """
        class LeaseLost(Exception): pass
        def handle(event, context):
            raise LeaseLost("somebody else")
        """,
    )
    answer, failure = lambdas.invoke("raises")
    assert failure == "Unhandled"
    assert answer["errorType"] == "LeaseLost"
    assert answer["errorMessage"] == "somebody else"
    assert "raise LeaseLost" in "".join(answer["stackTrace"])
    assert "lambda_runtime" not in "".join(answer["stackTrace"])
    assert "[ERROR] LeaseLost: somebody else" in lambdas.log("raises")


def test_missing_module_is_an_import_error_each_time(lambdas):
    lambdas.deploy("broken", "import not_there\ndef handle(e, c): pass")
    for _ in range(2):
        answer, failure = lambdas.invoke("broken")
        assert failure == "Unhandled"
        assert answer["errorType"] == "Runtime.ImportModuleError"
        assert "not_there" in answer["errorMessage"]


def test_missing_handler_is_named(lambdas):
    lambdas.deploy("nameless", "x = 1")
    answer, _ = lambdas.invoke("nameless")
    assert answer["errorType"] == "Runtime.HandlerNotFound"


def test_result_that_is_no_json_is_a_marshal_error(lambdas):
    lambdas.deploy("opaque", "def handle(e, c): return object()")
    answer, _ = lambdas.invoke("opaque")
    assert answer["errorType"] == "Runtime.MarshalError"


def test_answer_over_six_megabytes_is_refused(lambdas):
    lambdas.deploy("large", "def handle(e, c): return 'x' * 7_000_000")
    answer, _ = lambdas.invoke("large")
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"


def test_timeout_ends_the_invocation_and_its_process(lambdas):
    lambdas.deploy("late", SLOW, Timeout=1)
    answer, failure = lambdas.invoke("late", {"seconds": 60})
    assert failure == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert lambdas.workers("late") == []


def test_killed_worker_is_an_exit_error_and_the_next_call_gets_a_fresh_one(lambdas):
    lambdas.deploy("victim", SLOW, Timeout=30)
    answers = []
    caller = threading.Thread(
        target=lambda: answers.append(lambdas.invoke("victim", {"seconds": 20}))
    )
    caller.start()
    busy = until(lambda: _busy(lambdas))[0]
    assert busy["request_id"]
    os.kill(busy["pid"], signal.SIGKILL)
    caller.join(10)
    answer, failure = answers[0]
    assert failure == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("signal: killed")
    assert lambdas.invoke("victim", {"seconds": 0}) == ("waited", None)
    assert lambdas.workers("victim")[0]["pid"] != busy["pid"]


def _busy(lambdas: Lambdas) -> list[dict]:
    return [worker for worker in lambdas.workers("victim") if worker["busy"]]


def test_what_a_killed_handler_printed_reaches_the_log(lambdas):
    lambdas.deploy(
        "talks",
        """
        import os, signal
        def handle(event, context):
            print("last words")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    answer, _ = lambdas.invoke("talks")
    assert answer["errorType"] == "Runtime.ExitError"
    log = lambdas.log("talks")
    assert "last words" in log
    assert "Runtime.ExitError" in log
    assert "REPORT RequestId" in log


def test_printing_and_reading_do_not_disturb_the_protocol(lambdas):
    lambdas.deploy(
        "noisy",
        """
        import os, sys
        def handle(event, context):
            print('{"kind": "result", "body": "1"}')
            os.write(1, b"raw\\n")
            return {"read": sys.stdin.read()}
        """,
    )
    assert lambdas.invoke("noisy") == ({"read": ""}, None)
    assert "raw" in lambdas.log("noisy")


def test_warm_worker_is_used_again(lambdas):
    lambdas.deploy("warm", "import os\ndef handle(e, c): return os.getpid()")
    assert lambdas.invoke("warm") == lambdas.invoke("warm")


def test_new_code_and_new_configuration_take_new_workers(lambdas):
    client = lambdas.emulator.client("lambda")
    lambdas.deploy(
        "changes", "import os\ndef handle(e, c): return ['old', os.getpid()]"
    )
    (_, old_pid), _ = lambdas.invoke("changes")
    client.update_function_code(
        FunctionName="changes",
        ZipFile=zipped(
            """
            import os
            def handle(event, context):
                return [os.environ.get('V', 'new'), os.getpid()]
            """
        ),
    )
    (said, new_pid), _ = lambdas.invoke("changes")
    assert said == "new"
    assert new_pid != old_pid
    client.update_function_configuration(
        FunctionName="changes", Environment={"Variables": {"V": "newer"}}
    )
    (said, newest_pid), _ = lambdas.invoke("changes")
    assert said == "newer"
    assert [worker["pid"] for worker in lambdas.workers("changes")] == [newest_pid]


def test_reserved_concurrency_throttles_the_call_beyond_it(lambdas):
    lambdas.deploy("narrow", SLOW, Timeout=30)
    client = lambdas.emulator.client("lambda")
    client.put_function_concurrency(
        FunctionName="narrow", ReservedConcurrentExecutions=1
    )
    first = threading.Thread(target=lambdas.invoke, args=("narrow", {"seconds": 1}))
    first.start()
    until(lambda: any(worker["busy"] for worker in lambdas.workers("narrow")))
    with pytest.raises(ClientError) as refused:
        lambdas.invoke("narrow", {"seconds": 0})
    assert error_code(refused.value) == "TooManyRequestsException"
    first.join()
    client.delete_function_concurrency(FunctionName="narrow")
    assert lambdas.invoke("narrow", {"seconds": 0}) == ("waited", None)


def test_settings_of_a_function_are_kept(emulator: Emulator, lambdas):
    arn = lambdas.deploy(
        "settled",
        "def handle(e, c): return 1",
        Architectures=["arm64"],
        MemorySize=512,
        Tags={"team": "a"},
    )
    client = emulator.client("lambda")
    facts = client.get_function(FunctionName="settled")
    assert facts["Configuration"]["Architectures"] == ["arm64"]
    assert facts["Configuration"]["MemorySize"] == 512
    assert facts["Tags"] == {"team": "a"}
    client.tag_resource(Resource=arn, Tags={"env": "dev"})
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a", "env": "dev"}
    client.delete_function(FunctionName="settled")
    with pytest.raises(ClientError) as gone:
        client.get_function(FunctionName="settled")
    assert error_code(gone.value) == "ResourceNotFoundException"
