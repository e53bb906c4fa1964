"""The private names of the Pulumi SDK that the engine leans on are still there."""

import ast
import inspect
from pathlib import Path

import pulumi.runtime.rpc as rpc
from pulumi.runtime import settings, stack

from analemma_platform.engine import monitor, pulumi_compat, values
from analemma_platform.engine.monitor import Diagnostics, Monitor

ENGINE = Path(monitor.__file__).parent
REALISERS = ENGINE.parent / "realisers"


def test_only_one_module_imports_pulumi() -> None:
    importing = set()
    for path in [*ENGINE.glob("*.py"), *REALISERS.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if any(name.split(".")[0] in ("pulumi", "grpc") for name in names):
                importing.add(path.name)
    assert importing == {"pulumi_compat.py"}


def test_the_monitor_answers_every_call_the_sdk_can_make() -> None:
    answered = {name for name in vars(Monitor) if name[0].isupper()}
    assert answered == pulumi_compat.MONITOR_METHODS


def test_the_engine_answers_the_calls_a_python_program_makes() -> None:
    answered = {name for name in vars(Diagnostics) if name[0].isupper()}
    # The Node SDK keeps its root resource in the engine; debuggers are the CLI's.
    unused = {"GetRootResource", "SetRootResource", "StartDebugging"}
    assert answered == pulumi_compat.ENGINE_METHODS - unused


def test_settings_take_what_a_run_is_configured_with() -> None:
    taken = set(inspect.signature(settings.Settings).parameters)
    assert taken >= {
        "project",
        "stack",
        "monitor",
        "engine",
        "parallel",
        "dry_run",
        "organization",
        "root_directory",
    }
    assert settings.ROOT.get() is None


def test_a_new_context_variable_of_the_sdk_is_noticed() -> None:
    kept = {
        name
        for name, value in vars(settings.Settings).items()
        if type(value).__name__ == "ContextProperty"
    }
    assert kept == {
        "base_providers_by_ref",
        "callbacks",
        "dry_run",
        "engine",
        "legacy_apply_enabled",
        "lock",
        "monitor",
        "monitor_features",
        "organization",
        "outputs",
        "package_refs",
        "parallel",
        "project",
        "root_directory",
        "rpc_manager",
        "stack",
    }


def test_a_stack_is_run_by_a_coroutine_of_one_function() -> None:
    assert inspect.iscoroutinefunction(stack.run_in_stack)
    assert list(inspect.signature(stack.run_in_stack).parameters) == ["func"]


def test_the_signatures_of_the_wire_format_are_the_sdks() -> None:
    assert rpc._special_sig_key == values.SIGNATURE
    assert rpc._special_secret_sig == values.SECRET
    assert rpc._special_asset_sig == values.ASSET
    assert rpc._special_archive_sig == values.ARCHIVE
    assert rpc._special_output_value_sig == values.OUTPUT
    assert rpc._special_resource_sig == values.RESOURCE
    assert values.UNKNOWN == rpc.UNKNOWN
