"""A program runs where Pulumi would run it, and leaves nothing behind."""

import os
import sys
import threading
from pathlib import Path

import pulumi
import pytest

from analemma_platform.engine.failures import DeploymentFailed
from engine_shelf import Box, Workshop


def write(folder: Path, **sources: str) -> None:
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)


def test_a_folder_is_run_as_main_with_its_own_modules_and_working_directory(
    workshop: Workshop,
) -> None:
    write(
        workshop.folder,
        layout="WORD = 'first'\n",
        __main__=(
            "import os, layout, pulumi\n"
            "assert __name__ == '__main__'\n"
            "pulumi.export('word', layout.WORD)\n"
            "pulumi.export('here', os.getcwd())\n"
            "pulumi.export('root', pulumi.runtime.get_root_directory())\n"
            "pulumi.export('stack', [pulumi.get_organization(), pulumi.get_project(),"
            " pulumi.get_stack()])\n"
        ),
    )
    before = os.getcwd(), list(sys.path)  # noqa: PTH109 - compared as it is
    outputs = workshop.engine().up().outputs
    assert outputs == {
        "word": "first",
        "here": str(workshop.folder),
        "root": str(workshop.folder),
        "stack": ["organization", "shop", "dev"],
    }
    assert (os.getcwd(), sys.path) == before  # noqa: PTH109 - compared as it is


def test_an_edited_module_of_the_program_is_read_again(workshop: Workshop) -> None:
    main = "import layout, pulumi\npulumi.export('word', layout.WORD)\n"
    write(workshop.folder, layout="WORD = 'first'\n", __main__=main)
    assert workshop.engine().up().outputs == {"word": "first"}
    write(workshop.folder, layout="WORD = 'the second'\n")
    assert workshop.engine().up().outputs == {"word": "the second"}
    assert "layout" not in sys.modules


def test_configuration_reaches_the_program_as_pulumi_gives_it(
    workshop: Workshop,
) -> None:
    workshop.config = {"shop:size": "5", "shop:env": '{"tier": "dev"}'}

    def program() -> None:
        config = pulumi.Config()
        pulumi.export("size", config.require_int("size"))
        pulumi.export("tier", config.require_object("env")["tier"])

    assert workshop.engine(program).up().outputs == {"size": 5, "tier": "dev"}


def test_programs_run_from_several_threads_one_after_another(tmp_path: Path) -> None:
    results: list[object] = []

    def deploy(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        shop = Workshop(folder)
        program = lambda: pulumi.export("n", Box("b", label=str(number)).label)  # noqa: E731 - one expression
        results.append(shop.engine(program).up().outputs)

    threads = [threading.Thread(target=deploy, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == [f"{{'n': '{n}'}}" for n in range(4)]


async def test_a_program_runs_under_a_running_event_loop(tmp_path: Path) -> None:
    assert Workshop(tmp_path).engine(lambda: Box("b") and None).up().steps


def test_a_missing_program_is_said_to_be_missing(workshop: Workshop) -> None:
    with pytest.raises(DeploymentFailed, match="__main__"):
        workshop.engine().preview()


def test_operations_run_in_parallel(workshop: Workshop) -> None:
    meeting = threading.Barrier(4, timeout=30)
    put = workshop.shelf.put

    def meet(box: dict[str, object]) -> str:
        meeting.wait()
        return put(box)  # type: ignore[arg-type] # passed on

    workshop.shelf.put = meet  # type: ignore[method-assign,assignment] # a slow cloud

    def program() -> None:
        for number in range(4):
            Box(f"b{number}")

    workshop.engine(program).up()
    assert len(workshop.shelf.boxes) == 4
