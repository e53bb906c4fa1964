"""A home with a key: what people and agents said is nowhere in its bytes."""

import hashlib
import json
import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from analemma.hardware.local.home import LocalHome
from encrypted_homes import words_in
from graphs_files import COUNT, target
from kernel_cli import CommandHere, digest_of

SPEAKING = '''
"""Say a word in every way that LangGraph knows, and ask a person about it."""
import operator
from typing import Annotated, Any, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

class State(TypedDict, total=False):
    word: str
    said: Annotated[list[str], operator.add]
    kept: dict[str, str]
    answer: Any
    long: str
    raw: bytes
    fail: bool

def inner(state):
    return {"said": [f"inner {state['word']}"]}

def scatter(state):
    tasks = 1 if state.get("fail") else 3
    return [Send("work", {"word": f"{state['word']} {n}"}) for n in range(tasks)]

def work(state):
    return {"said": [f"work {state['word']}"]}

def keep(state):
    word = state["word"]
    return {
        "kept": {f"{word} {n}": word for n in range(200)},
        "long": f"{word} " * 20_000,
        "raw": word.encode() * 5_000,
    }

def ask(state):
    return {"answer": interrupt({"question": state["word"]})}

def end(state):
    if state.get("fail"):
        raise ValueError(f"cannot end with {state['word']}")
    return {"said": [f"end {state['word']} {state['answer']}"]}

nested = StateGraph(State).add_node(inner).add_edge(START, "inner").compile()
graph = (
    StateGraph(State).add_node("nested", nested).add_node(work).add_node(keep)
    .add_node(ask).add_node(end)
    .add_edge(START, "nested").add_conditional_edges("nested", scatter, ["work"])
    .add_edge("work", "keep").add_edge("keep", "ask").add_edge("ask", "end").compile()
)
'''
WORD, EDIT, REASON, KEY = "quokka-77", "wombat-88", "numbat-99", "bilby-66"
WORDS = {WORD, EDIT, REASON, KEY}
POLICY = '{"fan_out": {"min_tasks": 2, "batch_size": 2}}'
VARIABLE = "ANALEMMA_ENCRYPTION_KEY_FILE"


@pytest.fixture
def plain(tmp_path: Path) -> CommandHere:
    """Return the command without a key."""
    return CommandHere(tmp_path / "home", {"ANALEMMA_POLICY": POLICY})


@pytest.fixture
def analemma(plain: CommandHere, tmp_path: Path) -> CommandHere:
    """Return the command with a key of its own."""
    return with_key(plain, tmp_path / "key")


@pytest.fixture
def speaking(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_speaking", SPEAKING)


@pytest.fixture
def count(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_count", COUNT)


def with_key(analemma: CommandHere, key: Path) -> CommandHere:
    if not key.exists():
        assert analemma("key", "create", str(key)).code == 0
    return replace(analemma, environment={**analemma.environment, VARIABLE: str(key)})


def spoken(analemma: CommandHere, speaking: str) -> tuple[str, str]:
    """Run to a result and to a failure; return the ids of the two runs."""
    said = json.dumps({"word": WORD})
    assert analemma("run", speaking, "-i", said, "--key", KEY).code == 3
    done, asked = analemma.run_id(), analemma.approval_id()
    assert analemma("approve", asked, "--edit", json.dumps(EDIT)).code == 0
    assert analemma("resume", done).code == 0

    assert analemma("run", speaking, "-i", f'{{"word": "{WORD}", "fail": true}}').code
    failed, asked = analemma.run_id(), analemma.approval_id()
    assert analemma("reject", asked, "--reason", REASON).code == 0
    ended = analemma("resume", failed)
    assert ended.code == 1
    assert f"ValueError: cannot end with {WORD}" in ended.out
    return done, failed


def test_words_that_are_looked_for_are_found_in_a_home_without_a_key(
    plain: CommandHere, speaking: str
) -> None:
    spoken(plain, speaking)

    assert words_in(plain.home, WORDS) == WORDS


def test_nothing_that_was_said_is_in_the_bytes_of_a_home_with_a_key(
    analemma: CommandHere, speaking: str
) -> None:
    done, failed = spoken(analemma, speaking)

    assert words_in(analemma.home, WORDS) == set()
    shown = analemma("show", done, "--json").document
    assert shown["answer"] == EDIT
    assert sorted(shown["said"]) == [
        f"end {WORD} {EDIT}",
        f"inner {WORD}",
        *(f"work {WORD} {n}" for n in range(3)),
    ]
    assert len(shown["kept"]) == 200
    assert shown["long"] == f"{WORD} " * 20_000
    assert f"cannot end with {WORD}" in analemma("status", failed).out
    for run in (done, failed):
        assert analemma("verify", run).code == 0
    nodes = analemma("timeline", done, "--json").document
    assert any(each["nodes"] == {"work": 3} for each in nodes)


def test_equal_values_of_two_runs_are_stored_once(
    analemma: CommandHere, count: str
) -> None:
    def pages() -> int:
        return sum(path.is_file() for path in (analemma.home / "pages").rglob("*"))

    words = ["run", count, "-i", json.dumps({"target": 1, "long": "x" * 900_000})]
    assert analemma(*words).code == 0
    before = pages()

    assert analemma(*words).code == 0

    # What is new names the run's own checkpoint.
    assert pages() <= before + 1


def test_a_sweep_keeps_what_encrypted_records_name(
    analemma: CommandHere, count: str, tmp_path: Path
) -> None:
    long = hashlib.shake_128(b"analemma").hexdigest(20 * 1024 * 1024)
    (tmp_path / "input").write_text(json.dumps({"target": 2, "long": long}))
    limit = ["--budget", "supersteps=1"]
    assert analemma("run", count, "-i", f"@{tmp_path / 'input'}", *limit).code == 1
    run = analemma.run_id()
    with LocalHome.open(analemma.home) as home:
        orphan = home.pages().put(b"named by nothing")
    stored = [path for path in (analemma.home / "pages").rglob("*") if path.is_file()]
    for path in stored:
        os.utime(path, (0, 0))

    swept = analemma("sweep", "--json").document

    assert [page["id"] for page in swept["pages"]] == [orphan]
    assert swept["kept_pages"] == len(stored) - 1
    assert analemma("resume", run, "--budget", "supersteps=9").code == 0
    assert analemma("show", run, "--channel", "count").out == "2\n"
    assert analemma("verify", run).code == 0


EVERY_VERB = [
    ["run", "{count}"],
    ["resume", "{run}"],
    ["status", "{run}"],
    ["list"],
    ["approvals"],
    ["approve", "ap-1"],
    ["reject", "ap-1"],
    ["timeline", "{run}"],
    ["show", "{run}"],
    ["verify", "{run}"],
]


@pytest.mark.parametrize("words", EVERY_VERB, ids=lambda words: words[0])
@pytest.mark.parametrize("given", ["another key", "no key"])
def test_a_home_is_refused_and_left_alone_without_its_key(
    analemma: CommandHere,
    plain: CommandHere,
    count: str,
    tmp_path: Path,
    words: list[str],
    given: str,
) -> None:
    started = ["run", count, "-i", '{"target": 5}', "--budget", "supersteps=2"]
    assert analemma(*started).code == 1
    run = analemma.run_id()
    marked = json.loads((analemma.home / "encryption.json").read_text())["key"]
    other = plain if given == "no key" else with_key(plain, tmp_path / "other")
    before = digest_of(tmp_path)

    refused = other(*(word.format(count=count, run=run) for word in words))

    assert refused.code == 2
    assert refused.out == ""
    assert refused.err.count("\n") == 1
    assert refused.err.startswith(
        f"error: home {analemma.home} is encrypted under key {marked}, and "
    )
    assert refused.err.endswith(f"to the file of key {marked}\n")
    assert digest_of(tmp_path) == before
    assert analemma("resume", run, "--budget", "supersteps=9").code == 0
    assert analemma("show", run, "--channel", "count").out == "5\n"


def test_a_home_that_was_begun_without_a_key_is_read_and_goes_on_encrypted(
    analemma: CommandHere, plain: CommandHere, count: str
) -> None:
    words = ["run", count, "-i", '{"target": 9, "long": "quoll-55"}']
    assert plain(*words, "--budget", "supersteps=2").code == 1
    run = plain.run_id()

    assert analemma("show", run, "--json").document == {
        "count": 1,
        "long": "quoll-55",
        "target": 9,
    }
    assert plain("show", run).code == 0, "looking does not give the home to a key"
    assert analemma("resume", run, "--budget", "supersteps=99").code == 0

    assert analemma("show", run, "--channel", "count").out == "9\n"
    assert plain("show", run).code == 2
    # What was stored before stays as it was.
    assert analemma("run", count, "-i", '{"target": 1, "long": "dunnart-44"}').code == 0
    assert words_in(analemma.home, ["quoll-55", "dunnart-44"]) == {"quoll-55"}


def test_a_value_of_another_key_is_named_and_not_guessed_at(
    analemma: CommandHere, plain: CommandHere, count: str, tmp_path: Path
) -> None:
    assert analemma("run", count, "-i", '{"target": 2}').code == 0
    run, mark = analemma.run_id(), analemma.home / "encryption.json"
    first = json.loads(mark.read_text())["key"]
    mark.unlink()  # as nobody should
    other = with_key(plain, tmp_path / "other")

    for words in (["list"], ["status", run], ["show", run]):
        refused = other(*words)
        assert refused.code == 2
        assert f"a value was encrypted with key {first}, and key " in refused.err
        assert refused.err.endswith(f"to the file of key {first}\n")


def test_a_touched_record_is_corrupt(analemma: CommandHere, count: str) -> None:
    assert analemma("run", count, "-i", '{"target": 2}').code == 0
    run = analemma.run_id()
    with closing(sqlite3.connect(analemma.home / "records.sqlite")) as database:
        (body,) = database.execute(
            "SELECT body FROM records WHERE sort = 'record'"
        ).fetchone()
        touched = body[:-1] + bytes([body[-1] ^ 1])
        database.execute("UPDATE records SET body = ? WHERE body = ?", (touched, body))
        database.commit()

    broken = analemma("status", run)

    assert broken.code == 1
    assert "cannot be decrypted: its bytes are not what was written" in broken.err


# -- keys


def test_a_key_is_made_once_and_said_how_to_use(
    plain: CommandHere, tmp_path: Path
) -> None:
    file = tmp_path / "my key"
    made = plain("key", "create", str(file))

    assert made.code == 0
    first, use, keep = made.out.splitlines()
    assert first.startswith("key ")
    assert first.endswith(f" is in {file}")
    assert use == f"encrypt with it: export {VARIABLE}='{file}'"
    assert keep.startswith("keep a copy")
    assert file.stat().st_mode & 0o777 == 0o600
    assert not plain.home.exists()

    before = digest_of(tmp_path)
    again = plain("key", "create", str(file))
    assert (again.code, again.out) == (2, "")
    assert "is there and was left alone" in again.err
    assert digest_of(tmp_path) == before

    document = plain("key", "create", str(tmp_path / "b"), "--json").document
    assert document["file"] == str(tmp_path / "b")
    assert len(document["key"]) == 8


def test_a_key_file_that_does_not_hold_makes_no_home(
    plain: CommandHere, count: str, tmp_path: Path
) -> None:
    open_to_all, empty = tmp_path / "open", tmp_path / "empty"
    assert plain("key", "create", str(open_to_all)).code == 0
    open_to_all.chmod(0o644)
    empty.touch(0o600)
    says = {
        open_to_all: "is open to every user of this machine; `chmod 600",
        empty: "holds no key",
        tmp_path / "gone": "cannot be read (No such file or directory)",
    }

    for file, words in says.items():
        analemma = replace(plain, environment={VARIABLE: str(file)})
        refused = analemma("run", count, "-i", '{"target": 1}')
        assert refused.code == 2
        assert refused.err.startswith(f"error: key file {file} ")
        assert words in refused.err
    assert not plain.home.exists()


def test_without_the_library_the_extra_is_named(
    analemma: CommandHere, count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    refused = analemma("run", count, "-i", '{"target": 1}')

    assert refused.code == 2
    assert "pip install 'analemma[encryption]'" in refused.err
    assert not analemma.home.exists()


def test_an_empty_setting_is_no_key(plain: CommandHere, count: str) -> None:
    analemma = replace(plain, environment={VARIABLE: ""})

    assert analemma("run", count, "-i", '{"target": 1}').code == 0
    assert not (plain.home / "encryption.json").exists()
