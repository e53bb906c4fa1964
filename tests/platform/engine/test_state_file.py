import json
import stat
from pathlib import Path

import pytest

from analemma.errors import Corrupt, HomeTooNew
from analemma_platform.engine.state import ResourceState, StackState
from analemma_platform.engine.state_file import FORMAT, StateFile
from analemma_platform.engine.urns import Urn

STATE = StackState(
    project="shop",
    stack="dev",
    instance="abc",
    resources=(
        ResourceState(
            urn=Urn("urn:pulumi:dev::shop::shelf:index:Box::b"),
            type="shelf:index:Box",
            custom=True,
            id="box-1",
            parent="urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev",
            provider="urn:pulumi:dev::shop::pulumi:providers:shelf::default::default",
            inputs={"n": 1, "f": 1.5, "l": [True, None, "x"], "o": {"a": {}}},
            outputs={"address": "shelf/box-1"},
            secret_inputs=frozenset({"n"}),
            secret_outputs=frozenset({"address"}),
            dependencies=("urn:a",),
            property_dependencies={"n": ("urn:a",)},
            deleted_with="urn:a",
            protect=True,
            retain_on_delete=True,
            external=True,
            pending_delete=True,
            pending_create=True,
        ),
    ),
    outputs={"address": "shelf/box-1"},
    secret_outputs=frozenset({"address"}),
)


def test_a_state_reads_back_as_it_was_written(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "deep" / "state.json")
    file.write(STATE)
    assert file.read() == STATE


def test_the_file_is_the_owners_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    file.write(STATE)
    file.write(STATE)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_failed_write_leaves_the_old_state(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    file.write(STATE)
    unwritable = StackState("shop", "dev", outputs={"x": object()})  # type: ignore[dict-item] # on purpose
    with pytest.raises(TypeError):
        file.write(unwritable)
    assert file.read() == STATE


def test_no_file_is_no_state_and_deleting_it_is_done(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    assert file.read() is None
    file.delete()


def test_a_newer_format_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    text = json.dumps({"format": FORMAT + 1, "shape": "unknown"})
    file.path.write_text(text)
    with pytest.raises(HomeTooNew, match="upgrade Analemma"):
        file.read()
    assert file.path.read_text() == text


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1, "project": 7}', "not json"]
)
def test_what_is_no_state_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    file = StateFile(tmp_path / "state.json")
    file.path.write_text(text)
    with pytest.raises(Corrupt, match=r"state\.json is no stack state"):
        file.read()
