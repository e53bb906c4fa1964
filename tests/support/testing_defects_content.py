"""Savers that store something else than was put, or where it is not found."""

import math
from dataclasses import replace
from typing import Any

from langgraph.checkpoint.base import (
    ChannelVersions,
)

from testing_defects import fails
from testing_reference import (
    Kept,
    Key,
    ReferenceSaver,
    Row,
    Vault,
)

# -- content that is shared


class Shares(ReferenceSaver):
    """Stores a value once and remembers where; ``home`` decides how wrongly."""

    def home(self, key: Key) -> tuple[str, ...]:
        raise NotImplementedError

    def seen_by(self, key: Key) -> tuple[str, ...]:
        raise NotImplementedError

    def encode(self, key: Key, channel: str, value: object) -> Kept:
        kept = super().encode(key, channel, value)
        if (*self.seen_by(key), kept) not in self.vault.other:
            self.vault.other[*self.seen_by(key), kept] = self.home(key)
            self.vault.other[*self.home(key), "page", kept] = kept
        return kept

    def decode(self, key: Key, kept: Kept) -> object:
        found = self.vault.other.get((*self.looked_up(key, kept), "page", kept))
        return None if found is None else super().decode(key, found)

    def looked_up(self, key: Key, kept: Kept) -> tuple[str, ...]:
        return self.home(key)

    def forget(self, *home: str) -> None:
        for name in list(self.vault.other):
            if name[: len(home)] == home and "page" in name:
                del self.vault.other[name]


@fails(
    "namespaces",
    "a_value_of_a_subgraph_is_found_from_the_root",
    "a_value_of_the_root_is_found_from_a_subgraph",
    "a_value_of_a_task_is_found_from_the_other_namespace",
)
class SharesByThreadAndLooksInOneNamespace(Shares):
    def seen_by(self, key: Key) -> tuple[str, ...]:
        return key[:1]

    def home(self, key: Key) -> tuple[str, ...]:
        return key[:2]


class SharesForAll(Shares):
    """Shares with everybody; the first who stores a value owns it."""

    def seen_by(self, key: Key) -> tuple[str, ...]:
        return ()

    def home(self, key: Key) -> tuple[str, ...]:
        return key

    def looked_up(self, key: Key, kept: Kept) -> tuple[str, ...]:
        home: tuple[str, ...] = self.vault.other[(kept,)]
        return home


@fails("namespaces", "a_value_outlives_the_thread_that_stored_it_first")
@fails("copying", "a_copy_outlives_its_source")
@fails("pruning", "other_threads_keep_what_they_share")
class DeletesWhatOthersShare(SharesForAll):
    def delete_thread(self, thread_id: str) -> None:
        super().delete_thread(thread_id)
        self.forget(thread_id)


@fails(
    "pruning",
    "the_latest_of_every_namespace_stays_whole",
    "pruning_again_changes_nothing",
    "a_pruned_thread_grows_on",
    "other_threads_keep_what_they_share",
    "a_writer_is_not_disturbed",
)
@fails("deletion", "other_runs_keep_their_values", "other_threads_keep_what_they_share")
@fails("torn writes", "a_failed_prune_keeps_the_latest")
class DropsWhatLaterCheckpointsShare(SharesForAll):
    def drop(self, key: Key) -> None:
        super().drop(key)
        self.forget(*key)


# -- values changed in place


@fails(
    "mutation",
    "a_message_whose_content_changed",
    "a_message_whose_nested_arguments_changed",
    "an_element_replaced_in_the_middle",
    "a_list_that_is_emptied",
    "a_key_changed",
    "a_key_removed",
    "keys_reordered",
)
class KnowsValuesByIdentity(ReferenceSaver):
    def __init__(self, vault: Vault, calls: int | None = None) -> None:
        super().__init__(vault, calls)
        self.known: dict[int, tuple[object, Kept]] = {}

    def encode(self, key: Key, channel: str, value: object) -> Kept:
        # The value is kept too, so that its id is not another's.
        default = (value, super().encode(key, channel, value))
        return self.known.setdefault(id(value), default)[1]


@fails(
    "mutation",
    "an_element_replaced_in_the_middle",
    "an_element_inserted_in_front",
    "elements_swapped",
    "a_list_that_shrinks",
    "a_list_that_shrinks_and_grows_again",
)
@fails("growth", "a_fork_grows_beside_the_trunk")
class TakesListsForAppended(ReferenceSaver):
    """Adds what is beyond the length it knows, and never looks at the rest."""

    def encode(self, key: Key, channel: str, value: object) -> Kept:
        if not isinstance(value, list):
            return super().encode(key, channel, value)
        known = self.vault.other.setdefault((*key[:2], channel), [])
        known.extend(super().encode(key, channel, v) for v in value[len(known) :])
        return ("list", tuple(known[: max(len(value), 1)]))

    def decode(self, key: Key, kept: Kept) -> object:
        if kept[0] != "list":
            return super().decode(key, kept)
        return [super(TakesListsForAppended, self).decode(key, k) for k in kept[1]]


@fails("mutation", "a_value_changed_after_the_put", "a_value_changed_after_the_read")
@fails("values", "a_tuple_is_what_the_serializer_makes_of_it")
class KeepsObjects(ReferenceSaver):
    def encode(self, key: Key, channel: str, value: object) -> Kept:
        return value

    def decode(self, key: Key, kept: Kept) -> object:
        return kept


@fails("mutation", "a_channel_that_stands_is_not_lost")
class StoresOnlyWhatChanged(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        values = {name: row.values[name] for name in new_versions if name in row.values}
        super().store(key, replace(row, values=values), new_versions)


# -- values


class Changes(ReferenceSaver):
    """Stores another value than was put."""

    def changed(self, value: Any) -> Any:
        return value

    def encode(self, key: Key, channel: str, value: object) -> Kept:
        return super().encode(key, channel, self.deep(value))

    def deep(self, value: Any) -> Any:
        if isinstance(value, list):
            value = [self.deep(each) for each in value]
        elif isinstance(value, dict):
            value = {name: self.deep(each) for name, each in value.items()}
        return self.changed(value)


@fails("values", "numbers_keep_their_types")
class MakesFloatsOfLongIntegers(Changes):
    def changed(self, value: Any) -> Any:
        is_long = type(value) is int and abs(value) > 2**53
        return float(value) if is_long else value


@fails("values", "nan_comes_back")
class MakesNothingOfNan(Changes):
    def changed(self, value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value


@fails("values", "a_negative_zero_keeps_its_sign")
class LosesTheSignOfZero(Changes):
    def changed(self, value: Any) -> Any:
        return value + 0.0 if isinstance(value, float) else value


@fails("values", "empty_values_come_back")
class LosesEmptyChannels(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        values = {n: kept for n, kept in row.values.items() if self.decode(key, kept)}
        super().store(key, replace(row, values=values), new_versions)


@fails("values", "nested_empty_values_come_back")
class MakesNothingOfEmptyLists(Changes):
    def changed(self, value: Any) -> Any:
        return None if value == [] else value


@fails("values", "texts_come_back")
class CutsTextsAtZero(Changes):
    def changed(self, value: Any) -> Any:
        return value.partition("\0")[0] if isinstance(value, str) else value


@fails("values", "twins_are_told_apart_from_put_to_put")
class KnowsValuesByEquality(ReferenceSaver):
    def encode(self, key: Key, channel: str, value: object) -> Kept:
        known = self.vault.other.setdefault("values", [])
        for equal, kept in known:
            if equal == value:
                return kept
        known.append((value, super().encode(key, channel, value)))
        return known[-1][1]


@fails("values", "twins_are_told_apart_in_one_value")
class KnowsElementsByEquality(Changes):
    def deep(self, value: Any) -> Any:
        known: dict[Any, Any] = {}
        if isinstance(value, list):
            try:
                return [known.setdefault(each, each) for each in value]
            except TypeError:
                return value
        return value


@fails("values", "keys_keep_their_types")
class MakesTextOfKeys(Changes):
    def changed(self, value: Any) -> Any:
        is_dict = isinstance(value, dict)
        return {str(name): each for name, each in value.items()} if is_dict else value


@fails(
    "values",
    "large_texts_come_back",
    "large_bytes_come_back",
    "wide_dicts_come_back",
    "long_lists_come_back",
)
class CutsWhatIsLarge(Changes):
    def changed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return dict(list(value.items())[:4_000])
        if isinstance(value, list):
            return value[:4_000]
        return value[:400_000] if isinstance(value, str | bytes) else value


@fails("values", "many_channels_come_back")
class KeepsFiveHundredChannels(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        values = dict(list(row.values.items())[:500])
        super().store(key, replace(row, values=values), new_versions)


# -- growth


@fails(
    "growth",
    "three_hundred_appends_reload_equal",
    "every_append_shows_in_the_list_of_checkpoints",
    "appends_of_fresh_savers_reload_equal",
)
class ForgetsTheFirstPage(Changes):
    def changed(self, value: Any) -> Any:
        is_long = isinstance(value, list) and len(value) > 64
        return value[64:] if is_long else value
