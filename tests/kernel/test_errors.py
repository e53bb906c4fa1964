"""The error tree: the drawing, the classes, and the names on the wire."""

import re

from analemma import errors
from analemma.errors import AnalemmaError, Retryable, retryable_names

_LINE = re.compile(r"^(?P<branches>(?:│  |   |├─ |└─ )+)?(?P<name>[A-Z]\w+)")


def drawn_tree() -> dict[str, str]:
    """Return each class of the docstring's drawing and what it hangs below."""
    assert errors.__doc__ is not None
    parents: list[str] = []
    found: dict[str, str] = {}
    for line in errors.__doc__.splitlines()[2:]:
        if not line.strip():
            break
        matched = _LINE.match(line.removeprefix("    "))
        assert matched, line
        depth = len(matched["branches"] or "") // 3
        del parents[depth:]
        if parents:
            found[matched["name"]] = parents[-1]
        parents.append(matched["name"])
    return found


def test_the_tree_drawn_in_the_docstring_is_the_tree_of_the_classes() -> None:
    classes = {
        name: each.__base__.__name__
        for name, each in vars(errors).items()
        if isinstance(each, type)
        and issubclass(each, AnalemmaError)
        and each is not AnalemmaError
    }

    assert drawn_tree() == classes


def test_retryable_names_do_not_hang_on_what_was_imported() -> None:
    before = retryable_names()

    class OfAnotherModule(Retryable):
        """As an adapter might bring along."""

    assert retryable_names() == before
    assert "OfAnotherModule" not in before
    assert list(before) == sorted(before)
    assert {"Retryable", "LeaseLost", "StoreUnavailable"} <= set(before)


def test_every_error_says_in_one_sentence_when_it_is_raised() -> None:
    for name in drawn_tree():
        text = getattr(errors, name).__doc__
        assert text, name
        assert text.splitlines()[0].endswith("."), name
