"""Ids: where they come from and what they may look like."""

import re

from hypothesis import given
from hypothesis import strategies as st

from analemma.ids import (
    Owner,
    RandomIds,
    derived_approval_id,
    is_page_id,
    keyed_run_id,
    page_id,
)

RUN = re.compile(r"run-[0-9a-hjkmnp-tv-z]{26}")


def test_fresh_run_ids_differ_and_sort_by_when_they_were_made() -> None:
    ids = RandomIds()
    made = [ids.run_id() for _ in range(200)]

    assert len(set(made)) == 200
    assert all(RUN.fullmatch(each) for each in made)
    assert [each[:13] for each in made] == sorted(each[:13] for each in made)


@given(st.text(), st.text())
def test_a_key_stands_for_one_run_of_one_owner(key: str, other: str) -> None:
    here, there = Owner("here"), Owner("there")

    assert keyed_run_id(here, key) == keyed_run_id(here, key)
    assert keyed_run_id(here, key) != keyed_run_id(there, key)
    assert (keyed_run_id(here, key) == keyed_run_id(here, other)) == (key == other)
    assert RUN.fullmatch(keyed_run_id(here, key))


def test_approval_ids_name_their_parts_and_not_just_their_text() -> None:
    assert derived_approval_id("a", "b") == derived_approval_id("a", "b")
    assert derived_approval_id("ab", "c") != derived_approval_id("a", "bc")
    assert re.fullmatch(r"ap-[0-9a-hjkmnp-tv-z]{12}", derived_approval_id("a"))


def test_only_a_whole_lower_case_sha_256_is_a_page_id() -> None:
    good = page_id(b"page")

    assert is_page_id(good)
    for bad in (good.upper(), good[:-1], good + "0", good + "\n", "../" + good[3:], ""):
        assert not is_page_id(bad)
