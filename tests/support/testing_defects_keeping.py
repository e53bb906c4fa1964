"""Savers that list, copy, prune, delete or show the past wrongly."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT

from testing_defects import fails
from testing_reference import (
    Key,
    ReferenceSaver,
    Row,
    Write,
    log_of,
)

# -- namespaces


@fails("namespaces", "namespaces_with_similar_names_do_not_mix")
class MatchesNamespacesByPrefix(ReferenceSaver):
    def names(self, thread_id: str, namespace: str | None = None) -> list[Key]:
        found = super().names(thread_id)
        return [key for key in found if key[1].startswith(namespace or "")]


@fails("namespaces", "one_id_in_two_namespaces_is_two_checkpoints")
class KeysWritesWithoutTheNamespace(ReferenceSaver):
    def record(self, key: Key, task_id: str, path: str, rows: list[Write]) -> None:
        super().record((key[0], "", key[2]), task_id, path, rows)

    def pending(self, key: Key) -> list[tuple[str, str, Any]]:
        return super().pending((key[0], "", key[2]))


@fails("namespaces", "delete_thread_deletes_every_namespace")
class DeletesTheRootOnly(ReferenceSaver):
    def delete_thread(self, thread_id: str) -> None:
        for key in self.names(thread_id, ""):
            self.drop(key)


@fails("namespaces", "delete_thread_deletes_every_namespace")
class DeletesThreadsByPrefix(ReferenceSaver):
    def delete_thread(self, thread_id: str) -> None:
        for key in list(self.vault.rows):
            if key[0].startswith(thread_id):
                self.drop(key)


@fails("namespaces", "a_deleted_thread_can_begin_anew")
class KeepsTheWritesOfDeletedThreads(ReferenceSaver):
    def drop(self, key: Key) -> None:
        self.vault.rows.pop(key, None)


# -- listing


@fails("listing", "the_newest_come_first", "limit_counts_what_is_returned")
class ListsTheOldestFirst(ReferenceSaver):
    def limited(self, keys: list[Key], limit: int | None) -> list[Key]:
        return super().limited(list(reversed(keys)), limit)


@fails("listing", "before_leaves_out_what_is_not_older")
class ListsUpToBefore(ReferenceSaver):
    def is_before(self, key: Key, before: RunnableConfig | None) -> bool:
        bound = get_checkpoint_id(before) if before else None
        return bound is None or key[2] <= bound


@fails("listing", "a_limit_of_nothing_returns_nothing")
class TakesALimitOfNothingForNone(ReferenceSaver):
    def limited(self, keys: list[Key], limit: int | None) -> list[Key]:
        return super().limited(keys, limit or None)


@fails("listing", "metadata_filters_by_every_key")
class FiltersByAnyKey(ReferenceSaver):
    def matches(self, metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
        return not wanted or any(metadata.get(n) == v for n, v in wanted.items())


@fails("listing", "metadata_filters_by_values_of_other_kinds")
class FiltersByTextInQuotes(ReferenceSaver):
    def matches(self, metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
        text = json.dumps(metadata, ensure_ascii=False)
        return all(f'"{name}": "{value}"' in text for name, value in wanted.items())


@fails("listing", "everything_at_once")
class LimitsBeforeItFilters(ReferenceSaver):
    def list(self, config: Any, *, limit: Any = None, **options: Any) -> Any:
        first = [found.config for found in super().list(config, limit=limit)]
        return iter([f for f in super().list(config, **options) if f.config in first])


@fails("listing", "a_named_checkpoint_is_listed_alone")
class ListsMoreThanWasNamed(ReferenceSaver):
    def is_wanted(self, key: Key, config: RunnableConfig | None) -> bool:
        return True


@fails("listing", "a_namespace_is_listed_alone")
class ListsEveryNamespace(ReferenceSaver):
    def candidates(self, config: RunnableConfig | None) -> Any:
        assert config is not None
        return self.names(config["configurable"]["thread_id"])


@fails("listing", "without_a_namespace_all_are_listed")
class ListsTheRootOnly(ReferenceSaver):
    def candidates(self, config: RunnableConfig | None) -> Any:
        assert config is not None
        return self.names(*log_of(config))


@fails("listing", "other_threads_are_not_listed")
class ListsEveryThread(ReferenceSaver):
    def candidates(self, config: RunnableConfig | None) -> Any:
        return sorted(self.vault.rows, key=lambda key: key[2], reverse=True)


# -- copies


@fails(
    "copying",
    "a_later_put_to_the_source_is_not_in_the_copy",
    "a_later_put_to_the_copy_is_not_in_the_source",
    "a_source_outlives_its_copy",
)
class CopiesByName(ReferenceSaver):
    """Makes the copy another name of its source."""

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.vault.other[target_thread_id] = source_thread_id

    def named(self, config: RunnableConfig) -> RunnableConfig:
        named = dict(config["configurable"])
        named["thread_id"] = self.vault.other.get(
            named["thread_id"], named["thread_id"]
        )
        return {"configurable": named}

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return super().put(self.named(config), checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        super().put_writes(self.named(config), writes, task_id, task_path)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return super().get_tuple(self.named(config))

    def list(self, config: Any, **options: Any) -> Any:
        return super().list(self.named(config), **options)

    def delete_thread(self, thread_id: str) -> None:
        super().delete_thread(self.vault.other.get(thread_id, thread_id))


@fails("copying", "a_copy_is_complete", "a_waiting_graph_goes_on_in_its_copy")
class CopiesNoWrites(ReferenceSaver):
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        super().copy_thread(source_thread_id, target_thread_id)
        for key in self.names(target_thread_id):
            self.vault.tasks.pop(key, None)


# -- prunes


@fails("pruning", "the_latest_of_every_namespace_stays_whole")
class PrunesAcrossNamespaces(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        for key in self.names(thread_id)[1:]:
            self.drop(key)


@fails("pruning", "pruning_again_changes_nothing")
class PrunesTheLastToo(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        names = self.names(thread_id)
        for key in names[1:] or names:
            self.drop(key)


@fails("pruning", "a_waiting_graph_goes_on_after_prune")
class PrunesWrites(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        super().keep_latest(thread_id)
        for key in self.names(thread_id):
            self.vault.tasks.pop(key, None)


@fails("pruning", "prune_delete_leaves_nothing")
class KnowsOneStrategy(ReferenceSaver):
    def prune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        super().prune(thread_ids, strategy="keep_latest")


@fails("pruning", "an_unknown_strategy_is_refused_or_does_nothing")
class DeletesForUnknownStrategies(ReferenceSaver):
    def prune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        known = strategy if strategy == "keep_latest" else "delete"
        super().prune(thread_ids, strategy=known)


@fails("pruning", "a_writer_is_not_disturbed")
class FencesWritersByPruning(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        super().keep_latest(thread_id)
        for log in self.vault.revisions:
            self.vault.revisions[log] += log[0] == thread_id


@fails("pruning", "writes_beside_a_prune_are_kept")
class FreezesWhatItPruned(ReferenceSaver):
    def keep_latest(self, thread_id: str) -> None:
        super().keep_latest(thread_id)
        for key in self.names(thread_id):
            tasks = self.vault.tasks.get(key, {})
            self.vault.tasks[key] = {n: t for n, t in tasks.items() if n == "task"}
        self.vault.other[thread_id] = True

    def record(self, key: Key, task_id: str, path: str, rows: list[Write]) -> None:
        if key[0] not in self.vault.other:
            super().record(key, task_id, path, rows)


@fails("torn writes", "a_failed_second_prune_keeps_the_latest")
@fails("pruning", "a_pruned_thread_grows_on")
class PrunesOnce(ReferenceSaver):
    """Leaves a mark that it takes for its own when it comes back."""

    def keep_latest(self, thread_id: str) -> None:
        if thread_id in self.vault.other:
            self.vault.rows.pop(self.names(thread_id)[0])
        super().keep_latest(thread_id)
        self.vault.other[thread_id] = True


# -- runs


@fails("deletion", "checkpoints_and_writes_of_the_runs_go")
class DeletesRunsOfTheRootOnly(ReferenceSaver):
    def drop(self, key: Key) -> None:
        if key[1] == "":
            super().drop(key)


@fails(
    "deletion",
    "a_thread_goes_on_after_its_last_run_went",
    "other_runs_keep_their_values",
    "checkpoints_and_writes_of_the_runs_go",
)
class DeletesTheThreadsOfRuns(ReferenceSaver):
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        for key, row in list(self.vault.rows.items()):
            if row.metadata.get("run_id") in run_ids:
                self.delete_thread(key[0])


@fails("deletion", "unknown_runs_change_nothing")
class MatchesRunsByPrefix(ReferenceSaver):
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        for key, row in list(self.vault.rows.items()):
            if row.metadata["run_id"].startswith(tuple(run_ids)):
                self.drop(key)


# -- history


@fails(
    "history",
    "lone_tasks_show_their_results",
    "parallel_tasks_show_their_results",
    "commands_show_their_results",
    "interrupts_show_what_was_asked_and_answered",
    "subgraphs_show_their_results",
    "a_retried_failure_shows_its_result",
    "a_second_input_continues_the_past",
)
@fails("delta", "branches_are_rebuilt_apart", "every_past_state_is_rebuilt")
class DropsWritesThatWereApplied(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        super().store(key, row, new_versions)
        if row.parent is not None:
            self.vault.tasks.pop((*key[:2], row.parent), None)


@fails(
    "history",
    "an_edit_in_the_middle_makes_a_branch",
    "an_edit_as_a_node_makes_a_branch",
    "a_replay_from_the_middle_makes_a_branch",
    "a_replay_of_parallel_tasks_makes_a_branch",
    "two_branches_of_one_state_stay_apart",
)
class TakesTheLatestForTheParent(ReferenceSaver):
    def store(self, key: Key, row: Row, new_versions: ChannelVersions) -> None:
        latest = self.latest(*key[:2])
        parent = latest[2] if latest else None
        super().store(key, replace(row, parent=parent), new_versions)


class Loses(ReferenceSaver):
    """Does not record the writes to some channels."""

    channels: Iterable[str] = ()

    def record(self, key: Key, task_id: str, path: str, rows: list[Write]) -> None:
        kept = [row for row in rows if row[1] not in self.channels]
        super().record(key, task_id, path, kept)


@fails(
    "history",
    "a_waiting_run_shows_its_questions",
    "a_waiting_subgraph_shows_its_state",
    "an_edit_of_a_waiting_run_makes_a_branch",
)
class LosesQuestions(Loses):
    channels = (INTERRUPT,)


@fails("history", "a_failure_shows_its_error")
class LosesErrors(Loses):
    channels = (ERROR,)
