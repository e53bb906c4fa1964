"""Savers that write wrongly: order, attempts, fence, deltas, halves, threads."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    CheckpointTuple,
    get_checkpoint_id,
)

from testing_defects import fails
from testing_reference import (
    Key,
    ReferenceSaver,
    Refused,
    Row,
    Task,
    Write,
    log_of,
)

# -- order and attempts


@fails(
    "writes order",
    "parallel_tasks_come_in_order_of_their_paths",
    "order_is_kept_by_a_reload",
    "listing_shows_the_same_order",
)
@fails(
    "delta",
    "parallel_sends_are_rebuilt_in_order",
    "rounds_over_a_snapshot_are_rebuilt_in_order",
    "every_past_state_is_rebuilt",
    "history_has_the_writes_on_the_path_in_order",
)
class OrdersByTaskId(ReferenceSaver):
    def sort_key(self, task: Task, task_id: str, place: int) -> Any:
        return (task_id, place)


@fails("writes order", "a_tasks_writes_keep_their_places")
class OrdersPlacesAsText(ReferenceSaver):
    def sort_key(self, task: Task, task_id: str, place: int) -> Any:
        return (task.path, task_id, str(place))


@fails("writes order", "parallel_sends_go_on_after_a_failure")
@fails("concurrency", "fifty_tasks_record_at_once", "fifty_savers_record_at_once")
class KeepsTheLastTask(ReferenceSaver):
    def record(self, key: Key, task_id: str, path: str, rows: list[Write]) -> None:
        self.vault.tasks.pop(key, None)
        super().record(key, task_id, path, rows)


@fails(
    "attempts",
    "a_longer_second_attempt_is_not_mixed_in",
    "a_success_after_a_failure_is_whole",
    "a_run_goes_on_after_a_failed_branch",
)
class KeepsPlacesThatAreTaken(ReferenceSaver):
    """What LangGraph's own savers do."""

    def merge(self, task: Task, task_id: str, rows: list[Write]) -> None:
        places = {row[0]: row for row in task.special}
        for row in rows:
            if row[0] < 0 or row[0] not in places:
                places[row[0]] = row
        task.special = [places[place] for place in sorted(places)]

    def visible(self, task: Task) -> list[Write]:
        return task.special


@fails("attempts", "a_shorter_second_attempt_is_not_mixed_in")
class ReplacesPlaces(KeepsPlacesThatAreTaken):
    def merge(self, task: Task, task_id: str, rows: list[Write]) -> None:
        places = {row[0]: row for row in (*task.special, *rows)}
        task.special = [places[place] for place in sorted(places)]


@fails(
    "attempts",
    "attempts_at_the_same_time_are_not_mixed",
    "the_same_attempt_again_changes_nothing",
)
class AppendsAttempts(ReferenceSaver):
    def merge(self, task: Task, task_id: str, rows: list[Write]) -> None:
        task.finished = [*task.finished, *rows]


@fails(
    "attempts",
    "an_interrupt_is_replaced_by_a_newer_one",
    "an_error_is_replaced_by_a_newer_one",
    "answers_are_replaced_by_newer_ones",
)
class KeepsTheFirstQuestion(ReferenceSaver):
    def merge_special(self, task: Task, rows: list[Write]) -> None:
        task.special = task.special or rows


# -- fencing


@fails(
    "fencing",
    "of_two_writers_one_is_refused",
    "a_refused_writer_changes_nothing",
    "of_many_writers_at_once_one_wins",
    "a_writer_that_fell_behind_is_refused",
    "two_workers_run_each_node_once",
)
class HasNoFence(ReferenceSaver):
    def fence(self, log: tuple[str, str]) -> None:
        pass


@fails("fencing", "a_refused_writer_changes_nothing")
class StoresWhatItRefuses(ReferenceSaver):
    def fence(self, log: tuple[str, str]) -> None:
        try:
            super().fence(log)
        except Refused:
            row = self.vault.rows[self.names(*log)[0]]
            self.vault.rows[(*log, "ffffffff")] = row
            raise


@fails("fencing", "after_a_refusal_a_fresh_writer_goes_on")
class LocksForGood(ReferenceSaver):
    def fence(self, log: tuple[str, str]) -> None:
        if log in self.vault.other:
            raise Refused(f"{log} is locked")
        try:
            super().fence(log)
        except Refused:
            self.vault.other[log] = True
            raise


# -- delta


@fails("delta", "history_of_a_fork_leaves_the_trunk_out")
class TakesAllThatIsOlderForAncestors(ReferenceSaver):
    stops_at_a_value = True

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, Any]:
        log = log_of(config)
        target = get_checkpoint_id(config) or (self.latest(*log) or ("", "", ""))[2]
        return {channel: self._history(log, target, channel) for channel in channels}

    def _history(self, log: tuple[str, str], target: str, channel: str) -> Any:
        entry: dict[str, Any] = {"writes": []}
        for key in self.names(*log):
            if key[2] >= target:
                continue
            found = self.load(key)
            values = found.checkpoint["channel_values"]
            writes = [w for w in found.pending_writes or () if w[1] == channel]
            entry["writes"][:0] = writes
            if channel in values:
                entry["seed"] = values[channel]
                if self.stops_at_a_value:
                    break
        return entry


@fails("delta", "history_ends_at_the_nearest_value")
class WalksToTheRoot(TakesAllThatIsOlderForAncestors):
    stops_at_a_value = False


@fails("delta", "the_list_is_whole_after_prune")
class PrunesWhatDeltasAreRebuiltFrom(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        super().keep_latest(thread_id)
        for key in self.names(thread_id):
            if self.vault.rows[key].hidden:
                self.drop(key)


@fails("delta", "history_is_whole_after_copy_thread")
@fails(
    "copying",
    "a_copy_is_complete",
    "a_copys_checkpoints_are_found_by_their_ids",
    "a_copy_outlives_its_source",
)
@fails("torn writes", "a_failed_copy_leaves_the_source")
class CopiesTheLatestOnly(ReferenceSaver):
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        super().copy_thread(source_thread_id, target_thread_id)
        self.keep_latest(target_thread_id)
        for key in self.names(target_thread_id):
            if self.vault.rows[key].hidden:
                self.drop(key)


# -- torn writes


@fails(
    "torn writes",
    "a_failed_put_leaves_the_old_or_the_new",
    "a_graph_goes_on_wherever_storage_failed",
)
class PutsTheHeadFirst(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        super().store(key, replace(row, values={}), new_versions)
        for channel, kept in row.values.items():
            self.touch()
            self.vault.rows[key].values[channel] = kept


@fails("torn writes", "a_failed_put_leaves_the_old_or_the_new")
class ReturnsBeforeItIsDurable(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        if self.calls is None:
            super().store(key, row, new_versions)


@fails("torn writes", "failed_writes_are_whole_or_absent")
class RecordsWritesOneByOne(ReferenceSaver):
    def record(self, key: Key, task_id: str, path: str, rows: list[Write]) -> None:
        for row in rows:
            self.touch()
            tasks = self.vault.tasks.setdefault(key, {})
            tasks.setdefault(task_id, Task(path)).finished.append(row)


@fails(
    "torn writes",
    "a_failed_prune_keeps_the_latest",
    "a_failed_second_prune_keeps_the_latest",
)
class PrunesTheLatestFirst(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        kept = self.names(thread_id)[0]
        row = self.vault.rows[kept]
        for key in self.names(thread_id):
            self.vault.rows.pop(key)
        self.touch()
        self.vault.rows[kept] = row


@fails("torn writes", "a_failed_copy_leaves_the_source")
class CopiesByMoving(ReferenceSaver):
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        moved = {key: self.vault.rows.pop(key) for key in self.names(source_thread_id)}
        self.touch()
        self.vault.rows.update(moved)
        super().copy_thread(source_thread_id, target_thread_id)


# -- concurrency


@fails("concurrency", "fifty_puts_of_one_saver", "fifty_puts_of_fifty_savers")
class KeepsOneChild(HasNoFence):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        for name in self.names(*key[:2]):
            if row.parent is not None and self.vault.rows[name].parent == row.parent:
                self.drop(name)
        super().store(key, row, new_versions)


@fails("concurrency", "interleaved_threads_stay_apart", "interleaved_graphs_stay_apart")
class RemembersOneThread(ReferenceSaver):
    """Keeps the latest checkpoint it put at hand, whoever asks."""

    last: Key | None = None

    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        super().store(key, row, new_versions)
        self.last = key

    def latest(self, thread_id: str, namespace: str) -> Key | None:
        return self.last or super().latest(thread_id, namespace)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if get_checkpoint_id(config) or self.last is None:
            return super().get_tuple(config)
        return self.load(self.last)
