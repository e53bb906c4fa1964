"""Every check passes on a saver that is right and fails on one that is wrong."""

import pytest

import testing_defects_content
import testing_defects_keeping
import testing_defects_protocol
from analemma.testing import Check, checks
from testing_defects import DEFECTS
from testing_reference import ReferenceSaver, subject_of

# Importing them registers what they define.
MODULES = (testing_defects_content, testing_defects_keeping, testing_defects_protocol)
FOUND = [
    pytest.param(check, saver, id=f"{saver.__name__}-{name}")
    for saver, titles in DEFECTS.items()
    for name, check in checks(titles)
]


@pytest.mark.parametrize("check", [each for _, each in checks()], ids=lambda c: c.name)
def test_check_passes_on_a_saver_that_keeps_every_rule(check: Check) -> None:
    check(subject_of())


@pytest.mark.parametrize(("check", "saver"), FOUND)
def test_check_finds_its_defect(check: Check, saver: type[ReferenceSaver]) -> None:
    with pytest.raises(Exception) as found:  # noqa: PT011 - whatever a check raises
        check(subject_of(saver))
    assert str(found.value)


def test_every_check_is_proven_on_a_defect() -> None:
    proven = {title for titles in DEFECTS.values() for title in titles}
    assert proven == {check.title for _, check in checks()}
