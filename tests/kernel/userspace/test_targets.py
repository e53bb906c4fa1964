"""Targets: what is found, what is refused in which words, and what a digest names."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analemma.errors import TargetInvalid
from analemma.kernelspace.program import Program
from analemma.userspace.targets import load_program, parse_target

GRAPH = """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    said: str

def speak(state):
    return {"said": "WORD"}

builder = StateGraph(State).add_node(speak).add_edge(START, "speak")
graph = builder.compile()
"""

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget every module and path that a test brought along."""
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str = GRAPH, word: str = "hello") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("WORD", word))
        return path

    return write


def load(path: object, attribute: str = "graph") -> Program:
    return load_program(parse_target(f"{path}:{attribute}"))


def said(program: Program) -> object:
    return program.graph.invoke({})["said"]


@pytest.mark.parametrize(
    "text", ["", "graph", ":", ":graph", "a.b:", "file.py:", "m:a.b", "m:2", "m:a b"]
)
def test_what_is_no_target_is_refused_with_the_two_forms(text: str) -> None:
    with pytest.raises(TargetInvalid) as refused:
        parse_target(text)

    assert repr(text) in str(refused.value)
    assert "give module:attribute or path/to/file.py:attribute" in str(refused.value)


def test_a_file_is_found_from_anywhere_and_a_module_is_not_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert parse_target("here.py:g").source == str(tmp_path / "here.py")
    assert parse_target("sub/graph.py:g").name == "sub"
    assert parse_target("sub/agent.py:g").name == "agent"
    assert str(parse_target("pkg.agents.one:g")) == "pkg.agents.one:g"
    assert parse_target("pkg.agents.one:g").name == "pkg"


def test_compiled_and_uncompiled_graphs_load_from_a_file(write: Write) -> None:
    path = write("speaking.py")

    assert said(load(path)) == "hello"
    assert said(load(path, "builder")) == "hello"
    assert load(path).name == "speaking"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.py", "", "the module has no attribute 'graph'"),
        ("number.py", "graph = 7", "int is not a LangGraph graph"),
        ("function.py", "def graph(): ...", "function is not a LangGraph graph"),
        ("broken.py", "graph = 1 / 0", "ZeroDivisionError: division by zero"),
        ("syntax.py", "graph = (", "cannot be imported: SyntaxError"),
        ("leaving.py", "raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("missing.py", "import no_such_thing", "No module named 'no_such_thing'"),
        (
            "unlinked.py",
            "from langgraph.graph import StateGraph\ngraph = StateGraph(dict)",
            "cannot be compiled: Graph must have an entrypoint",
        ),
    ],
)
def test_a_file_without_a_graph_is_refused_and_says_why(
    write: Write, name: str, text: str, words: str
) -> None:
    path = write(name, text)

    with pytest.raises(TargetInvalid) as refused:
        load(path)

    assert str(refused.value).startswith(f"target {path}:graph")
    assert words in str(refused.value)


def test_a_missing_file_and_a_missing_module_are_named(tmp_path: Path) -> None:
    with pytest.raises(TargetInvalid, match=r"there is no file .*/gone\.py"):
        load(tmp_path / "gone.py")
    with pytest.raises(TargetInvalid, match="No module named 'no_such_module'"):
        load("no_such_module.at.all")


def test_a_file_that_failed_can_be_loaded_once_it_is_mended(write: Write) -> None:
    path = write("mended.py", "graph = 1 / 0")
    with pytest.raises(TargetInvalid):
        load(path)

    write("mended.py")

    assert said(load(path)) == "hello"


def test_files_of_one_name_in_two_folders_are_two_workflows(write: Write) -> None:
    one, other = write("a/agent.py", word="one"), write("b/agent.py", word="other")

    first, second, again = load(one), load(other), load(one)

    assert [said(each) for each in (first, second, again)] == ["one", "other", "one"]
    assert first.digest == again.digest != second.digest


def test_packages_of_one_name_in_two_folders_are_not_mixed_up(write: Write) -> None:
    for folder in "ab":
        write(f"{folder}/agents/__init__.py", "")
    one, other = write("a/agents/x.py", word="one"), write("b/agents/x.py")
    assert said(load(one)) == "one"

    with pytest.raises(TargetInvalid, match=r"'agents\.x' is loaded from .*/a/agents"):
        load(other)


def test_a_file_called_like_a_module_of_the_standard_library_is_refused(
    write: Write,
) -> None:
    with pytest.raises(TargetInvalid, match="rename the file"):
        load(write("platform.py"))

    import platform

    assert hasattr(platform, "system")


def test_a_file_in_a_package_is_imported_as_part_of_it(write: Write) -> None:
    write("shop/__init__.py", "")
    write("shop/words.py", "WORDS = 'relative'")
    write("shop/deep/__init__.py", "")
    path = write(
        "shop/deep/agent.py",
        "from ..words import WORDS\n" + GRAPH.replace('"WORD"', "WORDS"),
    )

    assert said(load(path)) == "relative"


def test_the_init_file_of_a_package_is_the_package(write: Write) -> None:
    path = write("whole/__init__.py")

    program = load(path)

    assert program.name == "whole"
    assert sys.modules["whole"].graph is program.graph
    assert "whole.__init__" not in sys.modules


def test_siblings_of_a_file_can_be_imported(write: Write) -> None:
    write("sibling_words.py", "WORDS = 'from next door'")
    path = write(
        "with_sibling.py",
        "from sibling_words import WORDS\n" + GRAPH.replace('"WORD"', "WORDS"),
    )

    assert said(load(path)) == "from next door"


def test_a_module_in_the_working_directory_is_found(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("at_hand.py")
    monkeypatch.chdir(tmp_path)

    assert said(load("at_hand")) == "hello"


def test_a_digest_is_the_same_in_another_process_and_another_folder(
    write: Write,
) -> None:
    here, there = write("a/agent.py"), write("b/agent.py")
    code = (
        "import sys; from analemma.userspace.targets import *;"
        "print(load_program(parse_target(sys.argv[1])).digest)"
    )

    told = subprocess.run(
        [sys.executable, "-c", code, f"{there}:graph"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == load(here).digest


PACKAGE = {
    "team/__init__.py": "",
    "team/agent.py": GRAPH,
    "team/tools/__init__.py": "",
    "team/tools/words.py": "WORDS = 1",
    "team/notes.txt": "not a source",
}


def digest_of_package(folder: Path, changes: dict[str, str]) -> str:
    """Return the digest of the package in a folder of its own."""
    for name, text in (PACKAGE | changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    try:
        return load(folder / "team" / "agent.py").digest
    finally:
        for name in [each for each in sys.modules if each.partition(".")[0] == "team"]:
            del sys.modules[name]
        sys.path.remove(str(folder))


@pytest.mark.parametrize(
    ("changes", "another"),
    [
        ({}, False),
        ({"team/notes.txt": "changed"}, False),
        ({"beside.py": "not of the package"}, False),
        ({"team/tools/words.py": "WORDS = 2"}, True),
        ({"team/tools/more.py": ""}, True),
        ({"team/agent.py": GRAPH + "# a comment\n"}, True),
    ],
)
def test_a_digest_changes_with_the_sources_of_the_package_and_only_with_them(
    tmp_path: Path, changes: dict[str, str], another: bool
) -> None:
    before = digest_of_package(tmp_path / "before", {})

    after = digest_of_package(tmp_path / "after", changes)

    assert (after != before) is another


def test_two_graphs_of_one_file_are_two_versions(write: Write) -> None:
    path = write("twins.py", GRAPH + "\nother = builder.compile()\n")

    assert load(path).digest != load(path, "other").digest


def test_what_a_program_needs_is_read_from_the_module(write: Write) -> None:
    text = GRAPH.replace("def speak", "async def speak") + (
        "limited = graph.with_config(recursion_limit=5)\n"
        "def scripted_answer(request): return 'scripted'\n"
    )
    path = write("equipped.py", text)

    program = load(path, "limited")

    assert program.asynchronous
    assert program.recursion_limit == 5
    assert program.scripted_answer is not None
    assert load(path).recursion_limit is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("checkpointer=True", "'inner' keeps checkpoints of its own"),
        ("interrupt_before=['speak']", "'inner' has static breakpoints"),
        ("interrupt_after=['speak']", "'inner' has static breakpoints"),
    ],
)
def test_a_nested_graph_that_slices_would_run_differently_is_refused(
    write: Write, options: str, words: str
) -> None:
    text = GRAPH + (
        f"outer = StateGraph(State).add_node('inner', builder.compile({options}))"
        ".add_edge(START, 'inner').compile()\n"
    )
    path = write("nesting.py", text)

    with pytest.raises(TargetInvalid, match=words):
        load(path, "outer")
    assert said(load(path)) == "hello"
