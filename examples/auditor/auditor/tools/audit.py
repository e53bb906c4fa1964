"""Audit one module: parse it, measure it, find its risks.

Never raises for what the module contains: a module that cannot be audited is
recorded with the reason, so that no gap stays hidden.
"""

from importlib.metadata import Distribution
from pathlib import PurePosixPath

from auditor.state import ModuleAudit, Role
from auditor.tools.credentials import mask
from auditor.tools.distributions import open_path
from auditor.tools.effects import find_effects
from auditor.tools.measure import (
    count_code_lines,
    doc_head,
    measure_classes,
    measure_functions,
)
from auditor.tools.names import ImportedNames
from auditor.tools.parse import ParsedModule, Unreadable, parse
from auditor.tools.risks import find_risks


def audit_module(dist: Distribution, path: str) -> ModuleAudit:
    """Return what there is to say about the file ``path`` of ``dist``."""
    try:
        return _audited(path, mask(parse(open_path(dist, path), path)))
    except (Unreadable, FileNotFoundError) as error:
        return _skipped(path, str(error))


def module_name(path: str) -> str:
    """Return the dotted name of the module in the file ``path``."""
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def role_of(path: str) -> Role:
    """Tell library code from tests and from copies of other packages."""
    *folders, file = PurePosixPath(path).parts
    if any(name in ("_vendor", "vendor", "vendored", "_vendored") for name in folders):
        return "vendored"
    if any(name in ("test", "tests", "testing") for name in folders):
        return "tests"
    return (
        "tests"
        if file.lstrip("_").startswith("test_") or file == "conftest.py"
        else "library"
    )


def _audited(path: str, module: ParsedModule) -> ModuleAudit:
    name = module_name(path)
    is_package = PurePosixPath(path).name == "__init__.py"
    names = ImportedNames(module.tree, name if is_package else name.rpartition(".")[0])
    return {
        "path": path,
        "module": name,
        "role": role_of(path),
        "skipped": "",
        "lines": len(module.lines) - (module.lines[-1] == ""),
        "code_lines": count_code_lines(module),
        "doc": doc_head(module.tree),
        "imports": sorted(names.imports),
        "functions": measure_functions(module, names),
        "classes": measure_classes(module),
        "risks": find_risks(module, names),
        "effects": find_effects(module, names),
    }


def _skipped(path: str, reason: str) -> ModuleAudit:
    return {
        "path": path,
        "module": module_name(path),
        "role": role_of(path),
        "skipped": reason,
        "lines": 0,
        "code_lines": 0,
        "doc": "",
        "imports": [],
        "functions": [],
        "classes": [],
        "risks": [],
        "effects": [],
    }
