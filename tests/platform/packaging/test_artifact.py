import hashlib
import os
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from analemma_platform.packaging import (
    Artifact,
    ArtifactFailed,
    LambdaArtifact,
    Platform,
    artifact,
)
from analemma_platform.packaging import installers as installers_module
from analemma_platform.packaging.installers import install, installers
from tiny_projects import lock_wheel, make_project, make_wheel, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def build(project: Path, platform: Platform = Platform.HOST) -> Artifact:
    flows = [project / "flows" / "hello"]
    return LambdaArtifact(project).build(platform, flows, project / "out")


def names(built: Artifact) -> list[str]:
    with zipfile.ZipFile(built.path) as zip_:
        return zip_.namelist()


def modes(built: Artifact) -> dict[str, int]:
    with zipfile.ZipFile(built.path) as zip_:
        return {
            entry.filename: stat.S_IMODE(entry.external_attr >> 16)
            for entry in zip_.infolist()
        }


@pytest.mark.parametrize("platform", Platform)
def test_the_zip_holds_dependencies_kernel_and_workflows_only(
    project: Path, platform: Platform
) -> None:
    info = "tinydep-1.0.dist-info"
    assert names(build(project, platform)) == [
        f"{info}/METADATA",
        f"{info}/WHEEL",
        f"{info}/entry_points.txt",
        "tinydep/__init__.py",
        "tinydep/tool.sh",
        "analemma/__init__.py",
        "analemma/py.typed",
        "analemma/records/run.py",
        "hello/__init__.py",
        "hello/graph.py",
        "hello/prompt.md",
    ]


def test_equal_projects_give_equal_bytes_whoever_builds_them(tmp_path: Path) -> None:
    first = make_project(tmp_path / "first")
    second = make_project(tmp_path / "second")
    # The same lock text, which names a wheel by its path.
    lock_wheel(second, first / "wheels" / "tinydep-1.0-py3-none-any.whl")
    for path in second.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    one, two = build(first), build(second)
    assert one.sha256 == two.sha256
    assert one.path.read_bytes() == two.path.read_bytes()


def test_dates_and_modes_say_nothing_of_the_builder(project: Path) -> None:
    built = build(project)
    with zipfile.ZipFile(built.path) as zip_:
        assert {entry.date_time for entry in zip_.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.create_system for entry in zip_.infolist()} == {3}
    executable = {name for name, mode in modes(built).items() if mode == 0o755}
    assert executable == {"tinydep/tool.sh"}
    assert set(modes(built).values()) == {0o644, 0o755}


def test_byte_code_and_hidden_files_are_left_behind(project: Path) -> None:
    before = build(project)
    write(project / "kernel/analemma/__pycache__/x.cpython-311.pyc", "")
    write(project / "kernel/analemma/records/stray.pyc", "")
    write(project / "kernel/analemma/.DS_Store", "")
    write(project / "flows/hello/.venv/lib/huge.py", "")
    assert build(project) == before


def test_digest_and_size_are_of_the_file(project: Path) -> None:
    built = build(project)
    body = built.path.read_bytes()
    assert built.sha256 == hashlib.sha256(body).hexdigest()
    assert built.size_bytes == len(body)


def test_unchanged_input_is_not_packed_again(project: Path) -> None:
    first = build(project)
    inode = first.path.stat().st_ino
    second = build(project)
    assert second == first
    assert second.path.stat().st_ino == inode


def test_changed_code_does_not_install_the_dependencies_again(project: Path) -> None:
    first = build(project)
    (project / "wheels" / "tinydep-1.0-py3-none-any.whl").unlink()
    write(project / "kernel/analemma/records/run.py", "RUN = 2\n")
    second = build(project)
    assert second.sha256 != first.sha256
    with zipfile.ZipFile(second.path) as zip_:
        assert zip_.read("analemma/records/run.py") == b"RUN = 2\n"
        assert zip_.testzip() is None


def test_an_executable_bit_alone_is_another_zip(project: Path) -> None:
    first = build(project)
    (project / "flows/hello/hello/prompt.md").chmod(0o755)
    second = build(project)
    assert second.sha256 != first.sha256
    assert modes(second)["hello/prompt.md"] == 0o755


def test_a_changed_lock_installs_anew(project: Path) -> None:
    first = build(project)
    lock_wheel(project, make_wheel(project / "newer", "VALUE = 2\n"))
    second = build(project)
    assert second.sha256 != first.sha256
    with zipfile.ZipFile(second.path) as zip_:
        assert zip_.read("tinydep/__init__.py") == b"VALUE = 2\n"


def test_a_wheel_with_another_hash_is_refused_and_leaves_nothing(project: Path) -> None:
    wheel = project / "wheels" / "tinydep-1.0-py3-none-any.whl"
    lock_wheel(project, wheel, "0" * 64)
    with pytest.raises(ArtifactFailed, match=r"lambda.txt could not be installed"):
        build(project)
    assert not list((project / "out").iterdir())
    assert not list((project / ".build" / "packages").iterdir())


def test_uv_and_pip_lead_to_the_same_bytes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_uv = build(project)
    lock = project / "requirements" / "lambda.txt"
    found = dict(installers(lock, Platform.HOST, tmp_path / "target"))
    assert list(found) == ["uv", "pip"]

    def pip_alone(lock: Path, platform: Platform, folder: Path) -> list[object]:
        return [one for one in installers(lock, platform, folder) if one[0] == "pip"]

    monkeypatch.setattr(installers_module, "installers", pip_alone)
    other = make_project(tmp_path / "other")
    lock_wheel(other, project / "wheels" / "tinydep-1.0-py3-none-any.whl")
    assert build(other).sha256 == with_uv.sha256


def test_pip_is_tried_where_uv_fails(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = project / "requirements" / "lambda.txt"
    real = dict(installers(lock, Platform.HOST, tmp_path))
    commands = [("uv", ["/bin/sh", "-c", "echo no index >&2; exit 2"])]
    monkeypatch.setattr(installers_module, "installers", lambda *_: iter(commands))
    with pytest.raises(ArtifactFailed, match="uv said: no index"):
        install(lock, Platform.HOST, tmp_path)
    commands.append(("pip", real["pip"]))
    install(lock, Platform.HOST, tmp_path)
    assert (tmp_path / "tinydep" / "__init__.py").exists()


def test_an_installer_that_hangs_is_given_up(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [("uv", ["/bin/sh", "-c", "exec sleep 60"])]
    monkeypatch.setattr(installers_module, "installers", lambda *_: iter(commands))
    monkeypatch.setattr(installers_module, "INSTALL_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(ArtifactFailed, match=r"uv said: nothing for 0.1 seconds"):
        install(project / "requirements/lambda.txt", Platform.HOST, tmp_path)


def test_uv_is_found_as_a_module_where_it_is_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    commands = dict(installers(tmp_path / "lock", Platform.HOST, tmp_path))
    assert commands["uv"][:3] == [str(tmp_path / "python"), "-m", "uv"]


def test_no_installer_at_all_is_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installers_module, "installers", lambda *_: iter(()))
    with pytest.raises(ArtifactFailed, match="neither uv nor pip is installed"):
        install(project / "requirements/lambda.txt", Platform.HOST, tmp_path)


def test_the_arm64_lock_is_installed_from_arm64_wheels_alone(tmp_path: Path) -> None:
    commands = dict(installers(tmp_path / "lock", Platform.ARM64, tmp_path))
    assert "aarch64-manylinux2014" in commands["uv"]
    assert "manylinux2014_aarch64" in commands["pip"]
    for command in commands.values():
        assert command[command.index("--python-version") + 1] == "3.13"
        assert "--require-hashes" in command
        assert not [word for word in command if "index" in word]


def test_two_workflows_claiming_one_name_are_refused(project: Path) -> None:
    write(project / "flows/other/hello/__init__.py", "")
    flows = [project / "flows" / "hello", project / "flows" / "other"]
    with pytest.raises(ArtifactFailed, match="both hold 'hello'"):
        LambdaArtifact(project).build(Platform.HOST, flows, project / "out")


def test_two_workflows_of_one_folder_are_packed_once(project: Path) -> None:
    folder = project / "flows" / "hello"
    twice = LambdaArtifact(project).build(
        Platform.HOST, [folder, folder], project / "twice"
    )
    assert twice.sha256 == build(project).sha256


@pytest.mark.parametrize("name", ["tinydep/extra.py", "tinydep.py"])
def test_a_workflow_that_would_shadow_a_dependency_is_refused(
    project: Path, name: str
) -> None:
    write(project / "flows/hello" / name, "")
    with pytest.raises(ArtifactFailed, match="dependency 'tinydep' claim one name"):
        build(project)


def test_a_workflow_that_would_shadow_the_kernel_is_refused(project: Path) -> None:
    write(project / "flows/hello/analemma/evil.py", "")
    with pytest.raises(ArtifactFailed, match="both hold 'analemma'"):
        build(project)


def test_a_folder_without_code_is_refused(project: Path) -> None:
    flows = [project / "flows" / "absent"]
    with pytest.raises(ArtifactFailed, match="absent holds no Python code"):
        LambdaArtifact(project).build(Platform.HOST, flows, project / "out")


@pytest.mark.parametrize("missing", ["kernel/analemma", "requirements/lambda.txt"])
def test_a_place_that_is_no_project_is_refused(project: Path, missing: str) -> None:
    (project / missing).rename(project / "gone")
    with pytest.raises(ArtifactFailed, match=rf"{missing} is missing"):
        build(project)


@pytest.mark.parametrize(
    ("limit", "how"), [("MAX_UNZIPPED_BYTES", "unpacked"), ("MAX_ZIP_BYTES", "packed")]
)
def test_a_zip_that_lambda_would_refuse_is_refused_here(
    project: Path, monkeypatch: pytest.MonkeyPatch, limit: str, how: str
) -> None:
    monkeypatch.setattr(artifact, limit, 100)
    with pytest.raises(ArtifactFailed, match=rf"bytes {how}, and Lambda takes .* 100"):
        build(project)
    assert not list((project / "out").iterdir())


def test_only_the_latest_artifacts_are_kept(project: Path) -> None:
    built = []
    for number in range(6):
        write(project / "kernel/analemma/records/run.py", f"RUN = {number}\n")
        built.append(build(project).path)
        os.utime(built[-1], (number + 1, number + 1))
    assert sorted((project / "out").iterdir()) == sorted(built[2:])


def test_an_absent_artifact_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArtifactFailed, match=r"none.zip is no file"):
        Artifact.at(tmp_path / "none.zip")
