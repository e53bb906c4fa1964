import json
import runpy
from pathlib import Path

import pulumi
import pytest
import yaml

from analemma.records.policy import KernelPolicy
from analemma.wiring import POLICY, ModelTable, settings_of_lambda
from pulumi_mocks import Deployment, deploy, stack_config
from stack_programs import PROJECT, environment_of
from tiny_projects import make_project


def run_program(
    root: Path, *, stack: str = "dev", config: dict[str, str] | None = None
) -> Deployment:
    """Run ``stacks/`` as the CLI's language host does."""

    def program() -> None:
        runpy.run_path(str(PROJECT / "stacks"), run_name="__main__")

    whole = stack_config(PROJECT, "dev") | (config or {})
    return deploy(program, stack=stack, config=whole, root=root)


def hello_environment(module: str = "hello.graph") -> str:
    workflow = {"name": "hello", "path": "flows/hello", "target": f"{module}:graph"}
    return json.dumps(environment_of("dev") | {"workflows": [workflow]})


def test_main_is_the_folder_of_the_program() -> None:
    document = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    assert document["name"] == "analemma"
    assert document["main"] == "stacks/"
    assert (PROJECT / document["main"] / "__main__.py").is_file()


def test_the_program_builds_the_zip_it_deploys(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    config = {"analemma:artifact": "host", "analemma:env": hello_environment()}
    first = run_program(root, config=config)
    codes = {
        one.inputs["code"].path for one in first.of_type("aws:lambda/function:Function")
    }
    (zip_,) = (root / ".build" / "artifacts").iterdir()
    assert codes == {str(zip_)}
    assert zip_.name.startswith("lambda-host-")
    again = run_program(root, config=config)
    assert again.outputs == first.outputs


def test_a_prebuilt_zip_is_found_from_the_project_s_root(tmp_path: Path) -> None:
    (tmp_path / "ready.zip").write_bytes(b"zip")
    deployment = run_program(tmp_path, config={"analemma:artifactPath": "ready.zip"})
    for one in deployment.of_type("aws:lambda/function:Function"):
        assert one.inputs["code"].path == str(tmp_path / "ready.zip")


def test_a_workflow_without_its_module_stops_the_program(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    config = {"analemma:env": hello_environment("hello.missing")}
    with pytest.raises(
        pulumi.RunError,
        match=r"Pulumi.dev.yaml: workflow 'hello': there is no module 'hello.missing'",
    ):
        run_program(root, config=config)


def test_an_absent_prebuilt_zip_stops_the_program(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match=r"gone.zip is no file"):
        run_program(tmp_path, config={"analemma:artifactPath": "gone.zip"})


@pytest.mark.parametrize("stack", ["Dev", "my_stack", "-x", "x" * 31])
def test_a_stack_name_that_no_bucket_could_bear_stops_the_program(
    tmp_path: Path, stack: str
) -> None:
    with pytest.raises(pulumi.RunError, match="becomes part of a bucket's name"):
        run_program(tmp_path, stack=stack)


def test_a_failed_program_does_not_poison_the_next(tmp_path: Path) -> None:
    (tmp_path / "ready.zip").write_bytes(b"zip")
    with pytest.raises(pulumi.RunError):
        run_program(tmp_path, config={"analemma:env": "{}"})
    config = {"analemma:artifactPath": "ready.zip"}
    assert run_program(tmp_path, config=config).outputs["stack"] == "dev"


def test_the_kernel_s_wiring_reads_what_the_functions_are_given(tmp_path: Path) -> None:
    (tmp_path / "ready.zip").write_bytes(b"zip")
    env = environment_of("dev")
    env["models"] = {"anthropic": env["models"]["anthropic"]}
    config = {"analemma:artifactPath": "ready.zip", "analemma:env": json.dumps(env)}
    deployment = run_program(tmp_path, config=config)
    function = deployment.named("kernel-space-slice-function").inputs
    given = function["environment"]["variables"]

    settings = settings_of_lambda(given | {"AWS_REGION": "eu-west-1"})
    exported = deployment.outputs
    assert (settings.stack, settings.table, settings.bucket) == (
        exported["stack"],
        exported["table"],
        exported["bucket"],
    )
    policy = KernelPolicy.model_validate_json(given[POLICY])
    assert policy.budget.supersteps == env["kernel"]["budget"]["supersteps"]
    models = ModelTable.model_validate_json(given["ANALEMMA_MODELS"])
    assert models.gemini is None
    assert models.anthropic is not None
    assert models.anthropic.input_micro_usd_per_mtok == 1_000_000
