"""Every verb of the command line, as people and as programs read it."""

import json
import re
from pathlib import Path

import pytest

from command_line import Ended
from graphs_files import ASK, COUNT, target
from kernel_cli import CommandHere, digest_of

VERBS = {
    "run": ["--input", "--key", "--budget", "--follow", "--verbose"],
    "resume": ["--budget", "--follow", "--verbose"],
    "status": ["--follow"],
    "list": ["--limit"],
    "approvals": [],
    "approve": ["--edit"],
    "reject": ["--reason"],
    "timeline": [],
    "show": ["--channel", "--to"],
    "verify": [],
}


@pytest.fixture
def analemma(tmp_path: Path) -> CommandHere:
    return CommandHere(tmp_path / "home")


@pytest.fixture
def count(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_count", COUNT)


@pytest.fixture
def ask(tmp_path: Path) -> str:
    return target(tmp_path / "graphs", "cli_ask", ASK)


def counted(analemma: CommandHere, count: str, to: int = 3) -> str:
    """Run to the end; return the run's id."""
    assert analemma("run", count, "-i", json.dumps({"target": to})).code == 0
    return analemma.run_id()


def lines(ended: Ended) -> list[str]:
    return [line.strip() for line in ended.out.splitlines()]


def test_a_run_that_is_done_says_so_and_where_its_result_is(
    analemma: CommandHere, count: str
) -> None:
    ended = analemma("run", count, "--input", '{"target": 3}')

    run = analemma.run_id()
    assert ended.code == 0
    assert ended.err == ""
    assert lines(ended)[0] == f"run {run}"
    assert re.fullmatch(
        rf"done  {run}  \(4 supersteps, 1 slice, \d+\.\d s\)", lines(ended)[1]
    )
    assert lines(ended)[2] == f"result: analemma show {run}"


def test_a_run_that_fails_names_node_attempt_and_cause(
    analemma: CommandHere, count: str
) -> None:
    ended = analemma("run", count, "-i", '{"target": 3, "count": 13}')

    assert ended.code == 1
    assert lines(ended)[1].startswith("failed  run-")
    assert lines(ended)[2] == (
        "node 'step' failed at attempt 1: ValueError: thirteen [is] unlucky"
    )
    assert lines(ended)[3].startswith("go on from here: analemma resume run-")
    again = analemma("resume", analemma.run_id())
    assert again.code == 1
    assert "thirteen [is] unlucky" in again.out


def test_a_budget_that_is_used_up_names_itself_and_how_to_go_on(
    analemma: CommandHere, count: str
) -> None:
    ended = analemma("run", count, "-i", '{"target": 9}', "--budget", "supersteps=4")

    run = analemma.run_id()
    assert ended.code == 1
    assert lines(ended)[1].startswith(f"terminated  {run}  (4 supersteps")
    assert lines(ended)[2] == "its budget of 4 supersteps is used up (4 used)"
    command = lines(ended)[3].removeprefix("go on: analemma ").split()
    assert command == ["resume", run, "--budget", "supersteps=8"]
    assert analemma(*command).code == 1
    assert analemma("resume", run, "--budget", "supersteps=99").code == 0
    assert analemma("show", run, "--channel", "count").out == "9\n"


def test_a_run_that_waits_is_answered_and_goes_on(
    analemma: CommandHere, ask: str
) -> None:
    ended = analemma("run", ask, "-i", '{"price": 7}')

    run, approval = analemma.run_id(), analemma.approval_id()
    assert ended.code == 3
    assert lines(ended)[2] == f"node 'ask' asks: analemma approve {approval}"
    assert analemma("status", run).code == 3
    assert analemma("resume", run).code == 3

    question = analemma("approvals")
    assert question.code == 0
    assert '"pay [all]": 7' in question.out
    assert f"answer: analemma approve {approval}" in question.out

    answered = analemma("approve", approval, "--edit", '{"pay": 5}')
    assert answered.code == 0
    assert lines(answered) == [
        f"approved  {approval} of {run}",
        f"go on: analemma resume {run}",
    ]
    assert analemma("approvals").out == "nothing waits for a person\n"
    assert analemma("resume", run).code == 0
    assert analemma("show", run, "--json").document == {"price": 7, "said": {"pay": 5}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["approve"], True),
        (["reject", "--reason", "no"], False),
        (["approve", "--edit", "null"], None),
        (["approve", "--edit", "1"], 1),
    ],
)
def test_an_answer_is_what_the_node_gets(
    analemma: CommandHere, ask: str, answer: list[str], said: object
) -> None:
    analemma("run", ask, "-i", '{"price": 7}')
    approval, run = analemma.approval_id(), analemma.run_id()

    assert analemma(answer[0], approval, *answer[1:]).code == 0
    assert analemma("resume", run).code == 0

    found = analemma("show", run, "--json").document["said"]
    assert found == said
    assert type(found) is type(said)


def test_an_answer_again_is_no_error_and_another_one_is(
    analemma: CommandHere, ask: str
) -> None:
    analemma("run", ask, "-i", '{"price": 7}')
    approval = analemma.approval_id()
    assert analemma("reject", approval, "--reason", "too dear").code == 0

    assert analemma("reject", approval).code == 0
    other = analemma("approve", approval)

    assert other.code == 2
    assert f"approval {approval} was already rejected by" in other.err


def test_a_key_gives_one_run(analemma: CommandHere, count: str) -> None:
    arguments = ("run", count, "-i", '{"target": 2}', "--key", "k")
    first, again = analemma(*arguments), analemma(*arguments)

    assert (first.code, again.code) == (0, 0)
    assert lines(again)[0].startswith("run, admitted before, run-")
    assert len(analemma("list", "--json").document) == 1


def test_input_can_be_a_file(analemma: CommandHere, count: str, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"target": 2, "long": "süß"}')

    ended = analemma("run", count, "--input", f"@{tmp_path / 'input.json'}")

    assert ended.code == 0
    assert analemma("show", analemma.run_id(), "--channel", "long").out == "süß\n"


def test_a_home_can_be_an_option_and_is_kept_in_what_is_suggested(
    analemma: CommandHere, count: str, tmp_path: Path
) -> None:
    other = tmp_path / "another home"

    ended = analemma("run", count, "-i", '{"target": 2}', "--home", str(other))

    assert ended.code == 0
    assert not analemma.home.exists()
    assert (other / "records.sqlite").is_file()
    assert lines(ended)[2].endswith(f" --home '{other}'")


def test_runs_are_listed_the_last_admitted_first(
    analemma: CommandHere, count: str
) -> None:
    ids = [counted(analemma, count) for _ in range(3)]

    table = analemma("list")
    assert [line.split()[0] for line in lines(table)] == ["run", *reversed(ids)]
    assert lines(table)[1].split()[1:4] == ["cli_count", "done", "4"]
    newest = analemma("list", "--json", "-n", "2").document
    assert [each["run_id"] for each in newest] == [ids[2], ids[1]]


def test_the_timeline_has_every_superstep_with_its_nodes(
    analemma: CommandHere, count: str
) -> None:
    run = counted(analemma, count, 2)

    table = lines(analemma("timeline", run))
    moments = analemma("timeline", run, "--json").document

    assert [line.split()[1] for line in table[1:6]] == ["—", "input", "0", "1", "2"]
    assert table[-1] == f"state at a step: analemma show {run} STEP"
    assert [each["step"] for each in moments] == [None, -1, 0, 1, 2]
    assert [each["nodes"] for each in moments[2:]] == [
        {"__start__": 1},
        {"step": 1},
        {"step": 1},
    ]
    assert all(each["stored_bytes"] > 0 for each in moments)


def test_state_is_shown_at_a_step_at_a_checkpoint_and_at_the_end(
    analemma: CommandHere, count: str
) -> None:
    run = counted(analemma, count)
    moments = analemma("timeline", run, "--json").document
    second = next(each["checkpoint_id"] for each in moments if each["step"] == 2)

    assert lines(analemma("show", run)) == ["count = 3", "target = 3"]
    assert lines(analemma("show", run, "1")) == ["count = 1", "target = 3"]
    assert lines(analemma("show", run, second)) == ["count = 2", "target = 3"]
    assert analemma("show", run, "1", "--json").document == {"count": 1, "target": 3}
    assert analemma("show", run, "--channel", "count").out == "3\n"


def test_a_long_value_is_shortened_for_people_only(
    analemma: CommandHere, count: str
) -> None:
    long = "ß" * 1000
    analemma("run", count, "-i", json.dumps({"target": 1, "long": long}))
    run = analemma.run_id()

    shown = analemma("show", run).out

    assert "ß" * 199 + "… (2,002 bytes)" in shown
    assert analemma("show", run, "--json").document["long"] == long
    assert analemma("show", run, "--channel", "long").out == long + "\n"


def test_a_whole_run_verifies(analemma: CommandHere, count: str) -> None:
    run = counted(analemma, count)

    assert analemma("verify", run).out.startswith(f"verified  {run}: 6 entries")
    report = analemma("verify", run, "--json").document
    assert report["ok"] is True
    assert report["findings"] == []


def test_json_is_one_document_and_nothing_else(
    analemma: CommandHere, count: str, ask: str
) -> None:
    done = analemma("run", count, "-i", '{"target": 2}', "--json")
    failed = analemma("run", count, "-i", '{"target": 2, "count": 13}', "--json")
    waits = analemma("run", ask, "-i", '{"price": 7}', "--json")
    run, approval = waits.document["run_id"], analemma.approval_id()
    others = [
        analemma("status", run, "--json"),
        analemma("resume", run, "--json", "--follow"),
        analemma("reject", approval, "--json"),
        analemma("approve", approval, "--json"),
    ]

    assert [each.code for each in (done, failed, waits)] == [0, 1, 3]
    assert done.document["status"] == "done"
    assert failed.document["failure"]["node"] == "step"
    assert [each["question"] for each in waits.document["waits_for"]] == [
        {"pay [all]": 7}
    ]
    assert [each.code for each in others] == [3, 3, 0, 2]
    assert others[2].document["status"] == "rejected"
    assert others[3].out == ""


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_explains_every_option(analemma: CommandHere, verb: str) -> None:
    ended = analemma(verb, "--help")

    assert ended.code == 0
    words = " ".join(ended.out.split())
    for option in [*VERBS[verb], "--home", "--cloud", "--json"]:
        assert re.search(rf"{option}( <[\w ]+>| [A-Z=]+)? +[A-Z]\w+", words), option


def test_help_lists_every_verb_whole_and_the_exit_codes(
    analemma: CommandHere,
) -> None:
    ended = analemma("--help")

    verbs = re.findall(r"^  (\w+)  +(.+)$", ended.out.partition("Commands:")[2], re.M)
    assert set(VERBS) <= {name for name, _ in verbs}
    for name, sentence in verbs:
        assert name not in VERBS or sentence.endswith("."), name
        assert name not in VERBS or not sentence.endswith("..."), name
    for code in ("0 done", "1 failed", "2 bad usage", "3 the run waits"):
        assert code in " ".join(ended.out.split())
    assert analemma("--version").out.startswith("analemma ")


# -- bad usage


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> CommandHere:
    """A home with a run that is done and one that waits; nobody changes it."""
    folder = tmp_path_factory.mktemp("lived-in")
    analemma = CommandHere(folder / "home")
    count = target(folder / "graphs", "cli_count", COUNT)
    ask = target(folder / "graphs", "cli_ask", ASK)
    assert analemma("run", count, "-i", '{"target": 2}', "--key", "k").code == 0
    assert analemma("run", ask, "-i", '{"price": 1}').code == 3
    return analemma


BAD: dict[str, tuple[list[str], str]] = {
    "target without attribute": (["run", "{graphs}/cli_count.py"], "names no graph"),
    "no such file": (["run", "{graphs}/gone.py:graph"], "there is no file"),
    "no such module": (["run", "no_such_module:graph"], "No module named"),
    "no such attribute": (["run", "{graphs}/cli_count.py:nope"], "no attribute 'nope'"),
    "no graph": (["run", "{graphs}/cli_count.py:step"], "not a LangGraph graph"),
    "no JSON": (["run", "{count}", "-i", "{{bad"], "--input is not JSON"),
    "a constant": (["run", "{count}", "-i", "[NaN]"], "it has no NaN"),
    "half a letter": (["run", "{count}", "-i", '"\\ud800"'], "--input is not JSON"),
    "no such input": (["run", "{count}", "-i", "@{graphs}/gone"], "cannot be read"),
    "input no JSON": (
        ["run", "{count}", "-i", "@{graphs}/cli_count.py"],
        "is not JSON",
    ),
    "unknown limit": (["run", "{count}", "--budget", "hours=1"], "LIMIT one of"),
    "limit no number": (["run", "{count}", "--budget", "tokens=x"], "valid integer"),
    "limit of nothing": (["run", "{count}", "--budget", "tokens=0"], "or equal to 1"),
    "limit without number": (["run", "{count}", "--budget", "tokens"], "LIMIT=N"),
    "key reused": (["run", "{count}", "-i", "{{}}", "--key", "k"], "choose another"),
    "unknown run": (["status", "run-x"], "no run 'run-x'"),
    "resume unknown": (["resume", "run-x"], "no run 'run-x'"),
    "resume done": (["resume", "{done}"], "is done"),
    "resume bad budget": (["resume", "{done}", "--budget", "x"], "LIMIT=N"),
    "timeline unknown": (["timeline", "run-x"], "no run 'run-x'"),
    "show unknown": (["show", "run-x"], "no run 'run-x'"),
    "show unknown step": (["show", "{done}", "99"], "has no step 99"),
    "show unknown checkpoint": (["show", "{done}", "abc"], "no checkpoint 'abc'"),
    "show unknown channel": (
        ["show", "{done}", "--channel", "x"],
        "no channel 'x' there; there are: count, target",
    ),
    "verify unknown": (["verify", "run-x"], "no run 'run-x'"),
    "approve unknown": (["approve", "ap-x"], "no approval 'ap-x'"),
    "reject unknown": (["reject", "ap-x"], "no approval 'ap-x'"),
    "edit no JSON": (["approve", "{approval}", "--edit", "{{"], "--edit is not JSON"),
    "unknown stack": (["list", "--cloud", "dev"], "`analemma cloud up --stack dev`"),
    "home is a file": (["list", "--home", "{graphs}/cli_count.py"], "is a file"),
    "no home": (["list", "--home", "{graphs}/nowhere"], "is no Analemma home"),
}


@pytest.mark.parametrize("usage", BAD)
def test_bad_usage_is_one_line_and_exit_code_2_and_changes_nothing(
    lived_in: CommandHere, usage: str
) -> None:
    folder = lived_in.home.parent
    names = {
        "graphs": folder / "graphs",
        "count": f"{folder}/graphs/cli_count.py:graph",
        "done": lived_in("list", "--json").document[1]["run_id"],
        "approval": lived_in.approval_id(),
    }
    words, says = BAD[usage]
    before = digest_of(folder)

    ended = lived_in(*(word.format(**names) for word in words))

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert says in ended.err
    assert digest_of(folder) == before


REFUSED_AT_ONCE = [
    name for name in BAD if BAD[name][0][0] == "run" and name != "key reused"
]


@pytest.mark.parametrize("usage", REFUSED_AT_ONCE)
def test_a_run_that_is_refused_makes_no_home(tmp_path: Path, usage: str) -> None:
    count = target(tmp_path / "graphs", "cli_count", COUNT)
    target(tmp_path / "graphs", "cli_ask", ASK)
    analemma = CommandHere(tmp_path / "home")
    names = {"graphs": tmp_path / "graphs", "count": count}

    assert analemma(*(word.format(**names) for word in BAD[usage][0])).code == 2

    assert not analemma.home.exists()


def test_a_setting_of_the_environment_that_does_not_hold_is_named(
    tmp_path: Path, count: str
) -> None:
    analemma = CommandHere(tmp_path / "home", {"ANALEMMA_POLICY": '{"retry": 1}'})

    ended = analemma("run", count)

    assert ended.code == 2
    assert ended.err.startswith("error: ANALEMMA_POLICY: retry: ")
    assert not analemma.home.exists()
