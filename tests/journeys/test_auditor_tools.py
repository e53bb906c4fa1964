"""What the auditor finds: modules, measures, risks; and what it never does."""

import json
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from auditor_example import AUDITOR, AloneRun, findings_of
from auditor_models import ToldModel
from auditor_packages import Site

SECRET = "aB3dE6gH9jK2mN5pQ8sT"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return Site(tmp_path / "site")


def test_distribution_without_record_is_found_by_name_with_equal_findings(
    tmp_path, monkeypatch
):
    # A copy of typer as the Lambda zip holds it, in front of the installed one.
    recorded = findings_of("typer")
    dist = distribution("typer")
    home = Path(str(dist.locate_file("")))
    shutil.copytree(home / "typer", tmp_path / "typer")
    info = tmp_path / f"typer-{dist.version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(dist.read_text("METADATA") or "")
    monkeypatch.syspath_prepend(str(tmp_path))

    run = AloneRun(AUDITOR)
    run.start({"package": "typer"})
    state = run.snapshot().values
    assert state["distribution"]["found_by"] == "its name"
    assert {f["path"]: f for f in state["findings"]} == recorded
    assert "no list of its files" in run.answer(True)["report"]


@pytest.mark.parametrize(
    ("name", "files", "options", "found"),
    [
        (
            "two-words",
            {"two_words/__init__.py": "", "other/__init__.py": ""},
            {"record": False},
            ["two_words/__init__.py"],
        ),
        (
            "space-part",
            {"space/part/__init__.py": "", "space/other/__init__.py": ""},
            {"record": False, "top_level": "space"},
            ["space/part/__init__.py"],
        ),
        (
            "py-renamed",
            {"renamed/__init__.py": "", "renamed/a/b.py": ""},
            {"record": False, "top_level": "renamed"},
            ["renamed/__init__.py", "renamed/a/b.py"],
        ),
        ("single", {"single.py": ""}, {"record": False}, ["single.py"]),
        (
            "scripted-bin",
            {"scripted_bin.py": "", "../../bin/tool.py": ""},
            {},
            ["scripted_bin.py"],
        ),
    ],
)
def test_modules_are_found(site, name, files, options, found):
    site.install(name, files, **options)
    assert sorted(findings_of(name)) == found


def test_editable_distribution_is_found_where_sys_path_leads(
    site, tmp_path, monkeypatch
):
    site.install("elsewhere", {})
    (tmp_path / "src" / "elsewhere").mkdir(parents=True)
    (tmp_path / "src" / "elsewhere" / "__init__.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    assert findings_of("elsewhere")["elsewhere/__init__.py"]["code_lines"] == 1


def test_audited_code_is_never_run(site, tmp_path):
    mark = tmp_path / "ran"
    site.install(
        "trap", {"trap.py": f"open({str(mark)!r}, 'w').close()\nraise SystemExit\n"}
    )
    (effect,) = findings_of("trap")["trap.py"]["effects"]
    assert effect["name"] == "open"
    assert not mark.exists()
    assert "trap" not in sys.modules


def test_module_that_cannot_be_audited_is_recorded_with_its_reason(site):
    site.install(
        "broken",
        {
            "broken/__init__.py": "fine = True\n",
            "broken/coding.py": b"# coding: utf-8\nx = '\xff'\n",
            "broken/deep.py": "x = " + "-" * 100_000 + "1\n",
            "broken/huge.py": "#" * 2_000_001,
            "broken/null.py": "x = 1\0\n",
            "broken/syntax.py": "x = 1\ndef f(:\n",
        },
    )
    install_line = "broken/gone.py,,\n"
    record = Path(
        str(distribution("broken").locate_file("broken-1.0.dist-info/RECORD"))
    )
    record.write_text(record.read_text() + install_line)

    run = AloneRun(AUDITOR)
    run.start({"package": "broken"})
    reasons = {f["path"]: f["skipped"] for f in run.snapshot().values["findings"]}
    expected = {
        "broken/__init__.py": "",
        "broken/coding.py": "cannot be decoded",
        "broken/deep.py": "nested too deeply",
        "broken/gone.py": "not on disk",
        "broken/huge.py": "2000001 bytes; the limit is 2000000",
        "broken/null.py": "null byte",
        "broken/syntax.py": "syntax error in line 2",
    }
    assert list(reasons) == sorted(expected)
    for path, reason in expected.items():
        assert reason in reasons[path]
    report = run.answer(True)["report"]
    assert "1 of 7 modules audited" in report
    assert all(f"`{path}`" in report for path, reason in expected.items() if reason)


def test_odd_but_valid_source_is_audited_and_can_be_stored(site):
    site.install(
        "odd",
        {
            "odd.py": (
                '"""Half a pair: \\ud800."""\n'
                f"def f(x=0x{'f' * 5000}): return '\\d'\n"
                f"long = {' + '.join(['1'] * 900)}\n"
            )
        },
    )
    found = findings_of("odd")["odd.py"]
    assert not found["skipped"]
    assert found["doc"] == "Half a pair: \\ud800."
    assert found["functions"][0]["name"] == "f"
    assert [risk["rule"] for risk in found["risks"]] == ["invalid escape sequence"]


def test_secret_is_reported_and_stands_nowhere_unmasked(site):
    half = SECRET[:10], SECRET[10:]
    site.install(
        "leaky",
        {
            "leaky.py": (
                f'"""Uses {SECRET}."""\n'
                f"# {SECRET}\n"
                f'API_KEY = "{SECRET}"; exec(API_KEY)\n'
                f'TOKEN = ("{half[0]}"\n    "{half[1]}X1")\n'
                f'def f(password="{SECRET}"):\n    "Take {SECRET}."\n'
                f'name = {"x" * 150!r}; SECRET = "{SECRET}"\n'
            )
        },
    )
    run = AloneRun(AUDITOR)
    run.start({"package": "leaky"})
    run.answer(True)
    state = run.snapshot().values
    lines = [
        risk["line"]
        for risk in state["findings"][0]["risks"]
        if risk["rule"] == "secret in source"
    ]
    assert lines == [3, 4, 6, 8]
    text = json.dumps([snapshot.values for snapshot in run.history()])
    assert not any(part in text for part in (SECRET, *half))
    assert "aB…" in state["report"]


def test_names_and_excerpts_cannot_break_out_of_the_report(site):
    site.install(
        "fence", {"fence.py": "x = '```'\neval(x)\n# ```\n# <b>![a](http://b)\n"}
    )
    model = ToldModel("gemini/told", "See <script> ![pixel](http://x/y)")
    run = AloneRun(AUDITOR, model)
    run.start({"package": "fence"})
    report = run.answer({"title": "A\n<i>title"})["report"]
    assert "````python" in report
    assert report.startswith("# A &lt;i>title\n")
    assert "<script>" not in report
    assert "![pixel]" not in report


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("eval(x)", [("runs text as code", "high")]),
        ("exec('x = 1')", [("runs text as code", "low")]),
        ("def eval(x): ...\neval(1)", []),
        ("model.eval()", []),
        ("import pickle as p\np.loads(b)", [("unsafe deserialisation", "high")]),
        ("from pickle import loads\nloads(b)", [("unsafe deserialisation", "high")]),
        ("import json\njson.loads(b)", []),
        ("import yaml\nyaml.load(b)", [("unsafe deserialisation", "high")]),
        ("import yaml\nyaml.load(b, Loader=yaml.SafeLoader)", []),
        (
            "import subprocess as s\ns.run(c, shell=True)",
            [("shell command", "high")],
        ),
        ("import subprocess\nsubprocess.run([c])", []),
        ("import os\nos.system('ls')", [("shell command", "medium")]),
        (
            "import requests\nrequests.get(u, verify=False)",
            [("certificate check off", "high")],
        ),
        ("c.execute(f'SELECT {x}')", [("sql built from text", "medium")]),
        ("c.execute('SELECT ?', (x,))", []),
        (
            "import tarfile\ntarfile.open(f).extractall(d)",
            [("archive extraction", "medium")],
        ),
        ("import tarfile\ntarfile.open(f).extractall(d, filter='data')", []),
        (
            "import tempfile\ntempfile.mktemp()",
            [("predictable temporary file", "medium")],
        ),
        ("import hashlib\nhashlib.md5(b)", [("weak hash", "medium")]),
        ("import hashlib\nhashlib.md5(b, usedforsecurity=False)", []),
        (
            "import time\nasync def f(): time.sleep(1)",
            [("blocking call in async", "medium")],
        ),
        ("import time\ndef f(): time.sleep(1)", []),
        ("try: f()\nexcept: g()", [("bare except", "medium")]),
        ("try: f()\nexcept:\n    g()\n    raise", []),
        ("try: f()\nexcept Exception: pass", [("error swallowed", "medium")]),
        ("try: f()\nexcept ValueError: pass", []),
        ("class A:\n def __del__(self):\n  try: f()\n  except: pass", []),
        ("def f(x=[]): ...", [("mutable default", "medium")]),
        ("def f(x=()): ...", []),
        ("def f(x): assert x > 1", [("assert checks an argument", "low")]),
        ("def f(x):\n y = 1\n assert y", []),
        (f"api_key = '{SECRET}'", [("secret in source", "high")]),
        ("api_key = 'your-api-key-goes-here-1'", []),
        ("token_url = 'https://example.org/abc123def456'", []),
    ],
)
def test_rule_reports_what_the_syntax_shows_and_nothing_else(site, source, expected):
    site.install("sample", {"sample.py": source + "\n"})
    found = findings_of("sample")["sample.py"]
    assert not found["skipped"]
    assert [(r["rule"], r["severity"]) for r in found["risks"]] == expected


def test_risk_carries_its_place_and_its_neighbouring_lines(site):
    site.install(
        "sample", {"sample.py": "class A:\n    def f(self):\n        eval(x)\n"}
    )
    (risk,) = findings_of("sample")["sample.py"]["risks"]
    assert (risk["line"], risk["symbol"]) == (3, "A.f")
    assert risk["excerpt"] == "def f(self):\n    eval(x)\n"


def test_risks_in_tests_and_vendored_copies_are_counted_apart(site):
    site.install(
        "mixed",
        {
            "mixed/__init__.py": "eval(x)\n",
            "mixed/tests/test_a.py": "eval(x)\n",
            "mixed/_vendor/b.py": "eval(x)\n",
        },
    )
    run = AloneRun(AUDITOR)
    run.start({"package": "mixed"})
    totals = run.question()["totals"]
    assert (totals["high"], totals["risks_outside_library"]) == (1, 2)
    assert run.question()["top_risks"] == [
        "high: runs text as code at mixed/__init__.py:1"
    ]


def test_function_is_measured(site):
    site.install(
        "sample",
        {
            "sample.py": (
                "class A:\n"
                "    def f(self, a: int, *b: str) -> int:\n"
                '        """Do it.\n\n        More.\n        """\n'
                "        if a and b:\n"
                "            for x in b:\n"
                "                print(x)\n"
                "        elif a:\n"
                "            raise ValueError(a)\n"
                "        def inner(): return [y for y in b if y]\n"
                "        return 1 if a else 2\n"
            )
        },
    )
    f, inner = findings_of("sample")["sample.py"]["functions"]
    assert f["name"] == "A.f"
    # 1, if, and, for, elif, conditional expression; `inner` is on its own account.
    assert f["complexity"] == 6
    assert f["depth"] == 2
    assert (f["line"], f["lines"], f["parameters"]) == (2, 12, 2)
    assert (f["public"], f["documented"], f["annotated"]) == (True, True, True)
    assert f["doc"] == "Do it."
    assert f["signature"] == "def f(self, a: int, *b: str) -> int"
    assert (f["calls"], f["raises"]) == (["ValueError", "print"], ["ValueError"])
    assert (inner["complexity"], inner["public"]) == (3, False)


def test_modules_count_who_imports_them(site):
    site.install(
        "linked",
        {
            "linked/__init__.py": "from linked.core import thing\n",
            "linked/core.py": "eval(thing)\n",
            "linked/sub/a.py": "from ..core import thing\n",
            "linked/sub/b.py": "from .. import core\n",
            "linked/sub/c.py": "import json\n",
        },
    )
    run = AloneRun(AUDITOR)
    run.start({"package": "linked"})
    (core,) = run.snapshot().values["ranking"]["modules"]
    assert (core["path"], core["imported_by"], core["score"]) == (
        "linked/core.py",
        3,
        10,
    )
