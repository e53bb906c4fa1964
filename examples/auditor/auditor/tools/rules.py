"""The rules: what counts as a risk, how severe it is, and what to do about it.

How each is recognised is in ``checks``.
"""

from dataclasses import dataclass

from auditor.state import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, its worst severity, and what a reviewer is told."""

    name: str
    severity: Severity
    advice: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One place a rule applies to. ``severity`` may be below the rule's own."""

    rule: str
    severity: Severity
    line: int


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "runs text as code",
            "high",
            "`eval` or `exec` on text that is not a constant: prove where the text "
            "comes from, or replace it with `ast.literal_eval` or a table.",
        ),
        Rule(
            "unsafe deserialisation",
            "high",
            "`pickle`, `marshal` and full `yaml.load` run what the bytes say: use "
            "them on bytes you wrote yourself and can authenticate, or use JSON.",
        ),
        Rule(
            "shell command",
            "high",
            "A shell interprets the command: pass a list of arguments and no "
            "`shell=True`.",
        ),
        Rule(
            "certificate check off",
            "high",
            "TLS without verification accepts any server: trust the one "
            "certificate that is meant instead.",
        ),
        Rule(
            "secret in source",
            "high",
            "Looks like a credential (masked here): revoke it if it is one, and "
            "read it from the environment or a secret store.",
        ),
        Rule(
            "sql built from text",
            "medium",
            "The statement is put together from text: bind the values as "
            "parameters; only identifiers from a fixed set may be formatted in.",
        ),
        Rule(
            "archive extraction",
            "medium",
            "`extractall` follows `../` in member names: pass `filter='data'`.",
        ),
        Rule(
            "predictable temporary file",
            "medium",
            "`tempfile.mktemp` can be raced: use `mkstemp` or `NamedTemporaryFile`.",
        ),
        Rule(
            "weak hash",
            "medium",
            "MD5 and SHA-1 do not resist collisions: use SHA-256, or say "
            "`usedforsecurity=False`.",
        ),
        Rule(
            "blocking call in async",
            "medium",
            "The call stops the whole event loop: use the async equivalent, or "
            "`asyncio.to_thread`.",
        ),
        Rule(
            "bare except",
            "medium",
            "It also catches `KeyboardInterrupt` and `SystemExit`: name the "
            "exceptions.",
        ),
        Rule(
            "error swallowed",
            "medium",
            "Every exception is caught and nothing is done or logged: narrow it, "
            "or record it.",
        ),
        Rule(
            "mutable default",
            "medium",
            "The default is shared by all calls: use None and create it inside.",
        ),
        Rule(
            "assert checks an argument",
            "low",
            "`python -O` removes it: raise an exception where a caller can be wrong.",
        ),
        Rule(
            "invalid escape sequence",
            "low",
            "Python warns today and will refuse one day: use a raw string.",
        ),
    )
}
