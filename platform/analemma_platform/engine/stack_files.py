"""``Pulumi.yaml`` and ``Pulumi.<stack>.yaml`` as the configuration of a program.

The Pulumi CLI does this for a real deployment, and the SDK gets only its
result: texts by ``namespace:key``, objects as JSON. A key without a namespace
belongs to the project.
"""

import datetime
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from analemma.errors import ConfigInvalid
from analemma_platform.engine.secure_values import Opener
from analemma_platform.engine.values import Value

PROJECT_FILE = "Pulumi.yaml"

_STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_STACK_KEYS = frozenset(
    {"config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment"}
)
_DECLARATION_KEYS = frozenset({"type", "default", "value", "description", "secret"})
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class StackFiles:
    """What the two files say. ``program`` is the folder of the program."""

    root: Path
    project: str
    stack: str
    program: Path
    config: Mapping[str, str]
    secret_keys: frozenset[str]


def load(
    root: Path, stack: str, environment: Mapping[str, str] | None = None
) -> StackFiles:
    """Read the project at ``root`` and its stack ``stack``.

    ``environment`` (default: the process's) may hold the passphrase of
    ``secure:`` values.

    Raises:
        ConfigInvalid: a file is missing or malformed; names the file and key.
    """
    project_file = root / PROJECT_FILE
    project = _read(project_file)
    name = project.get("name")
    if not isinstance(name, str):
        raise ConfigInvalid(f"{project_file.name}: name is missing")
    stack_file = _stack_file(root, stack)
    reader = _StackReader(
        stack_file.name,
        _read(stack_file),
        name,
        os.environ if environment is None else environment,
    )
    config = {**_defaults(project, name, project_file.name), **reader.config()}
    _require_declared(project, name, config, stack_file.name)
    main = project.get("main", ".")
    return StackFiles(
        root=root,
        project=name,
        stack=stack,
        program=(root / str(main)).resolve(),
        config={key: _text(value) for key, value in config.items()},
        secret_keys=frozenset(reader.secret_keys),
    )


def stacks_of(root: Path) -> tuple[str, ...]:
    """Return the names of the stacks that have a file at ``root``, sorted."""
    found = (path.name for path in root.glob("Pulumi.*.yaml"))
    return tuple(
        sorted(name.removeprefix("Pulumi.").removesuffix(".yaml") for name in found)
    )


def require_stack_name(stack: str) -> None:
    """Refuse what cannot name a stack, before it becomes part of a path.

    Raises:
        ConfigInvalid: it holds more than letters, digits and ``_.-``.
    """
    if _STACK_NAME.fullmatch(stack) is None or not stack.strip("."):
        raise ConfigInvalid(f"{stack!r} is no name of a stack")


def _stack_file(root: Path, stack: str) -> Path:
    require_stack_name(stack)
    path = root / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        known = ", ".join(stacks_of(root)) or "none"
        raise ConfigInvalid(
            f"no stack {stack!r}: Pulumi.{stack}.yaml is missing (found: {known})"
        )
    return path


class _StackReader:
    """Reads the ``config`` of one stack file, opening what is sealed."""

    def __init__(
        self,
        file: str,
        document: dict[str, Value],
        project: str,
        environment: Mapping[str, str],
    ) -> None:
        self._file = file
        self._document = document
        self._project = project
        self._environment = environment
        self._opener: Opener | None = None
        self.secret_keys: set[str] = set()
        unknown = sorted(document.keys() - _STACK_KEYS)
        if unknown:
            raise ConfigInvalid(f"{file}: {unknown[0]} is no key of a stack file")
        if document.get("environment"):
            raise ConfigInvalid(
                f"{file}: environment needs Pulumi Cloud; give the values in config"
            )

    def config(self) -> dict[str, Value]:
        found = self._document.get("config") or {}
        if not isinstance(found, dict):
            raise ConfigInvalid(f"{self._file}: config must be a map")
        opened: dict[str, Value] = {}
        for key, value in found.items():
            full = _namespaced(key, self._project)
            opened[full] = self._open(full, full, value)
        return opened

    def _open(self, root: str, where: str, value: Value) -> Value:
        if isinstance(value, dict):
            sealed = value.get("secure")
            if value.keys() == {"secure"} and isinstance(sealed, str):
                self.secret_keys.add(root)
                return self._keyed().open(where, sealed)
            return {
                key: self._open(root, f"{where}.{key}", inner)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [
                self._open(root, f"{where}[{index}]", inner)
                for index, inner in enumerate(value)
            ]
        return value

    def _keyed(self) -> Opener:
        if self._opener is None:
            salt = self._document.get("encryptionsalt")
            if not isinstance(salt, str):
                raise ConfigInvalid(
                    f"{self._file}: secure values without encryptionsalt; only the "
                    "passphrase secrets provider is read"
                )
            self._opener = Opener(self._file, salt, self._environment)
        return self._opener


def _declarations(
    project: dict[str, Value], name: str, file: str
) -> dict[str, dict[str, Value]]:
    declared = project.get("config") or {}
    if not isinstance(declared, dict):
        raise ConfigInvalid(f"{file}: config must be a map")
    return {
        _namespaced(key, name): value
        if isinstance(value, dict) and value.keys() <= _DECLARATION_KEYS
        else {"value": value}
        for key, value in declared.items()
    }


def _defaults(project: dict[str, Value], name: str, file: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, declaration in _declarations(project, name, file).items():
        value = declaration.get("value", declaration.get("default"))
        if value is not None:
            found[key] = value
    return found


def _require_declared(
    project: dict[str, Value], name: str, config: Mapping[str, Value], file: str
) -> None:
    for key, declaration in _declarations(project, name, PROJECT_FILE).items():
        wanted = declaration.get("type")
        if wanted is None:
            continue
        if key not in config:
            raise ConfigInvalid(f"{file}: {key} is missing ({PROJECT_FILE} wants it)")
        kinds = _TYPES.get(str(wanted))
        if kinds is None:
            raise ConfigInvalid(f"{PROJECT_FILE}: {key} has no such type: {wanted!r}")
        value = _parsed(config[key], kinds)
        if not isinstance(value, kinds) or (
            isinstance(value, bool) and wanted != "boolean"
        ):
            raise ConfigInvalid(f"{file}: {key} must be of type {wanted}")


def _parsed(value: Value, kinds: type | tuple[type, ...]) -> Value:
    """Return what a text stands for: the CLI writes ``config set x 5`` as "5"."""
    if not isinstance(value, str) or kinds is str:
        return value
    try:
        parsed: Value = json.loads(value)
    except ValueError:
        return value
    return parsed


def _namespaced(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(path: Path) -> dict[str, Value]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigInvalid(f"no {path.name} in {path.parent}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).replace("\n", " ")
        raise ConfigInvalid(f"{path.name} is not readable YAML: {line}") from error
    document = {} if document is None else _json(document)
    if not isinstance(document, dict):
        raise ConfigInvalid(f"{path.name} must be a map")
    return document


def _json(value: object) -> Value:
    """Return parsed YAML as JSON: keys are texts, and so are dates."""
    match value:
        case dict():
            return {str(key): _json(inner) for key, inner in value.items()}
        case list():
            return [_json(inner) for inner in value]
        case datetime.date():
            return value.isoformat()
        case bool() | int() | float() | str() | None:
            return value
    return str(value)
