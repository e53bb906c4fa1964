"""The pages say what the code does: links, commands, variables, words, codes."""

import ast
import fnmatch
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from analemma.entrypoints.cli import inspect, main, outcome
from analemma.errors import AnalemmaError, InputInvalid, StoreUnavailable
from analemma.kernelspace.state_machine import FunctionArns, definition
from analemma.records.policy import FanOutPolicy, RetryPolicy
from analemma.records.run import RunRecord, RunStatus, WorkflowRef
from analemma.records.transition import TRANSITION

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = ("kernel", "platform", "stacks", "tools", "examples", "benchmarks")
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\bANALEMMA(?:_[A-Z]+)+\b")

# Named because they must not be there.
NEVER = {"platform/__init__.py"}

# Where a word of the glossary's list of unused words may stand, and why.
ALLOWED = {
    ("docs/glossary.md", "*"): "lists the words",
    ("docs/adr/0004-*", "engine"): "decides on the deployment engine",
    ("docs/adr/README.md", "engine"): "the title of 0004",
    ("docs/adr/0006-*", "engine"): "Pulumi's own word for what runs its program",
    ("docs/architecture.md", "engine"): "the deployment engine",
    ("platform/analemma_platform/*", "engine"): "the deployment engine",
    ("kernel/analemma/hardware/aws/clients.py", "session"): "boto3's name",
    ("platform/analemma_platform/realisers/iam.py", "session"): "IAM's name",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """Return a page without its code, drawings apart: those are read too."""
    text = path.read_text(encoding="utf-8")
    text = FENCE.sub(lambda m: m[2] if m[1] == "mermaid" else "", text)
    return SPAN.sub("", text)


def code(path: Path) -> Iterator[str]:
    """Yield what stands in a page as code: whole blocks, then spans."""
    text = path.read_text(encoding="utf-8")
    yield from (block[2] for block in FENCE.finditer(text))
    yield from SPAN.findall(FENCE.sub("", text))


def spans() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for span in SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            yield page, span


def tables(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of all tables below a heading, without their first rows."""
    section = re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = [part for part in section if part.splitlines()[:1] == [heading]]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = [number for number, row in enumerate(rows) if set(row[0]) <= set("-: ")]
    left_out = {*rules, *(number - 1 for number in rules)}
    return [row for number, row in enumerate(rows) if number not in left_out]


# -- links and indices


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)}: {link}"


@pytest.mark.parametrize("folder", [DOCS, DOCS / "adr"], ids=name_of)
def test_every_page_is_in_the_index_of_its_folder(folder: Path) -> None:
    index = (folder / "README.md").read_text(encoding="utf-8")
    listed = {link.partition("#")[0] for link in LINK.findall(index)}

    assert listed >= {page.name for page in folder.glob("*.md")} - {"README.md"}


def test_every_format_is_in_the_index() -> None:
    listed = set(LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))

    assert listed >= {f"formats/{page.name}" for page in DOCS.glob("formats/*.md")}


def test_every_file_that_is_named_is_there() -> None:
    tops = {path.name for path in ROOT.iterdir() if path.is_dir()} - {".analemma"}
    roots = (ROOT, ROOT / "kernel/analemma", ROOT / "platform/analemma_platform")
    for page, span in spans():
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", span):
            continue
        if span.endswith(".py") or span.split("/")[0] in tops:
            found = any((root / span).exists() for root in roots)
            assert found != (span in NEVER), f"{name_of(page)}: {span}"


# -- commands


def verbs_of(command: Any) -> dict[str, Any]:
    """Return the commands of a group. Any: of click's, which typer brings along."""
    return getattr(command, "commands", {})


def invocations() -> Iterator[tuple[str, list[str]]]:
    """Yield every ``analemma …`` that a page shows, with the page's name."""
    for page in PAGES:
        for text in code(page):
            for line in re.findall(r"(?<![\w-])analemma ([^\n#|;&>`]+)", text):
                words = line.split()
                if words[0].startswith("-") or words[0].islower():
                    yield f"{name_of(page)}: analemma {line}", words


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the words name and its verbs; None: there is none."""
    command = typer.main.get_command(main.app)
    verbs: list[str] = []
    for word in words:
        inner = verbs_of(command)
        if not inner or word.startswith("-"):
            break
        command = inner.get(word)
        verbs.append(word)
    return command, verbs


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    shown = list(invocations())
    assert shown
    for where, words in shown:
        command, _ = resolve(words)
        assert command is not None, where
        known = {option for each in command.params for option in each.opts}
        used = {
            word.partition("=")[0].rstrip(",.:)")
            for word in words
            if re.match(r"--?[a-z]", word)
        }
        assert used <= known | {"--help", "--version"}, where


def test_every_verb_is_shown_somewhere() -> None:
    shown = {" ".join(resolve(words)[1]) for _, words in invocations()}
    verbs = set()
    for name, command in verbs_of(typer.main.get_command(main.app)).items():
        verbs |= {f"{name} {each}" for each in verbs_of(command)} or {name}

    assert len(verbs) > 10
    assert verbs <= shown


def test_every_make_target_that_is_shown_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    used = {
        target
        for page in PAGES
        for text in code(page)
        for target in re.findall(r"(?:^|\n)make ([a-z]+)", text)
    }

    assert used
    assert used <= targets


# -- variables, machines, words


def sources() -> Iterator[Path]:
    for folder in SOURCES:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_variables_of_pages_and_code_are_the_same() -> None:
    in_code = {
        variable
        for path in sources()
        for variable in VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    in_pages = {
        variable
        for page in PAGES
        for variable in VARIABLE.findall(page.read_text(encoding="utf-8"))
    }
    rows = tables(DOCS / "installation.md", "Environment variables")
    explained = {v for row in rows for v in VARIABLE.findall(row[0])}

    assert in_code == in_pages == explained


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_page_names_no_registry_and_no_path_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    hosts = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.")
    places = "home|root|work|tmp|Users|var|opt|mnt|private|srv"

    assert not [host for host in hosts if host in text]
    assert re.findall(rf"(?<![\w./~<>*-])/(?:{places})(?:/|\b)", text) == []


def unused_words() -> list[str]:
    rows = tables(DOCS / "glossary.md", "Words that are not used")
    return [row[0] for row in rows]


def sentences() -> Iterator[tuple[str, str]]:
    """Yield what people read: pages, and docstrings, without code."""
    for page in PAGES:
        yield name_of(page), prose(page)
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ):
                text = ast.get_docstring(node, clean=False) or ""
                yield name_of(path), re.sub(r"``[^`]*``", "", text)


def used_words() -> Iterator[tuple[str, str]]:
    words = unused_words()
    for name, text in sentences():
        for word in words:
            if re.search(rf"\b{word}s?\b", text, re.IGNORECASE):
                yield name, word


def allows(entry: tuple[str, str], name: str, word: str) -> bool:
    return fnmatch.fnmatch(name, entry[0]) and fnmatch.fnmatch(word, entry[1])


def test_words_that_are_not_used_are_not_used() -> None:
    assert len(unused_words()) >= 5
    for name, word in used_words():
        assert any(allows(entry, name, word) for entry in ALLOWED), f"{name}: {word}"


def test_every_exception_for_a_word_is_needed() -> None:
    used = set(used_words())

    for entry in ALLOWED:
        assert any(allows(entry, name, word) for name, word in used), entry


# -- exit codes


def documented_codes() -> list[int]:
    return [int(row[0]) for row in tables(DOCS / "operations.md", "Exit codes")]


def ends_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(str(ended.value.code))


def test_documented_exit_codes_are_the_ones_there_are() -> None:
    of_runs = set(outcome._EXIT.values())

    assert documented_codes() == [0, main.FAILED, main.USAGE, main.WAITING, 130]
    assert of_runs <= set(documented_codes())


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.ADMITTED, 0),
        (RunStatus.RUNNING, 0),
        (RunStatus.WAITING, 3),
        (RunStatus.DONE, 0),
        (RunStatus.FAILED, 1),
        (RunStatus.TERMINATED, 1),
    ],
)
def test_status_of_a_run_is_its_documented_exit_code(
    status: RunStatus, code: int
) -> None:
    record = RunRecord(
        run_id="run-1",
        owner="local",
        workflow=WorkflowRef(name="w", target="w:graph"),
        status=status,
        input_ref="a" * 64,
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:00Z",
    )

    assert outcome.exit_code(record) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputInvalid("no JSON"), 2),
        (StoreUnavailable("no answer"), 1),
        (AnalemmaError("anything else of ours"), 1),
    ],
    ids=lambda each: type(each).__name__,
)
def test_errors_end_with_their_documented_exit_code(
    error: AnalemmaError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ends_with(error, monkeypatch) == code


def test_interrupted_command_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inspect, "open_place", interrupt)

    assert CliRunner().invoke(main.app, ["list"]).exit_code == 130


@pytest.mark.parametrize(
    "text",
    [
        (ROOT / "README.md").read_text(encoding="utf-8"),
        main.__doc__,
        main.app.info.epilog,
    ],
    ids=["README", "module", "help"],
)
def test_short_lists_of_exit_codes_agree(text: str) -> None:
    sentence = " ".join(text.split()).partition("Exit codes")[2].partition(".")[0]

    assert re.findall(r"(\d) (done|failed|bad usage|the run waits)", sentence) == [
        ("0", "done"),
        ("1", "failed"),
        ("2", "bad usage"),
        ("3", "the run waits"),
    ]


# -- the state machine

STATE_MACHINE = DOCS / "state-machine.md"


def states() -> dict[str, dict[str, object]]:
    machine = definition(
        retry=RetryPolicy(),
        fan_out=FanOutPolicy(),
        functions=FunctionArns("slice", "worker", "park", "bury"),
        bucket="pages",
    )
    found: dict[str, dict[str, object]] = machine["States"]
    return found


def edges_of_code() -> set[tuple[str, str, str]]:
    edges = {("[*]", "Slice", "")}
    for name, state in states().items():
        if "Next" in state:
            edges.add((name, state["Next"], ""))
        for choice in state.get("Choices", []):
            edges.add((name, choice["Next"], choice["StringEquals"]))
        if "Default" in state:
            edges.add((name, state["Default"], "anything else"))
        for catcher in state.get("Catch", []):
            edges.add((name, catcher["Next"], "caught"))
        if state["Type"] in ("Succeed", "Fail"):
            edges.add((name, "[*]", ""))
    return edges


def test_drawing_of_the_state_machine_is_the_state_machine() -> None:
    text = STATE_MACHINE.read_text(encoding="utf-8")
    (drawing,) = [block[2] for block in FENCE.finditer(text) if block[1] == "mermaid"]
    drawn = re.findall(r"^ +(\S+) --> (\w+|\[\*\])(?:: (.+))?$", drawing, re.MULTILINE)

    assert len(drawn) == len(drawing.splitlines()) - 1
    assert {tuple(edge) for edge in drawn} == edges_of_code()


def test_every_state_is_described_with_its_type() -> None:
    described = {
        row[0].strip("`"): row[1].partition(",")[0]
        for row in tables(STATE_MACHINE, "States")
    }
    inner = [
        state["ItemProcessor"]["States"]
        for state in states().values()
        if state["Type"] == "Map"
    ]
    of_code = itertools.chain(states().items(), *(each.items() for each in inner))

    assert described == {name: state["Type"] for name, state in of_code}


def test_every_transition_is_described_with_its_fields() -> None:
    described = {
        row[0].strip("`"): set(SPAN.findall(row[1]))
        for row in tables(STATE_MACHINE, "Transitions")
    }
    schema = TRANSITION.json_schema()["$defs"]
    kinds = {
        shape["properties"]["kind"]["const"]: set(shape["properties"])
        - {"kind", "run_id", "owner"}
        for shape in schema.values()
        if "kind" in shape.get("properties", {})
    }

    assert described == kinds
