"""Approvals: one record per interrupt, one answer per record.

An interrupt's id is not enough to name a question: LangGraph derives it from
the task, so the second ``interrupt()`` of one task has the id of the first. An
approval's id therefore also covers how often the task was parked (the revision
of its control record), and an old answer can never reach a new question.

Approving resumes the node with ``True``, rejecting with ``False``, approving
with an edit with exactly that JSON.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, TypeAdapter, ValidationError

from analemma.errors import ApprovalAnswered, ApprovalNotFound, Corrupt
from analemma.hardware.ports import ABSENT, Record, RecordConflict, RecordStore
from analemma.ids import ApprovalId, derived_approval_id
from analemma.kernelspace import layout
from analemma.records.approval import ApprovalRecord, ApprovalStatus

_BREAKPOINT = "breakpoint"

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, slots=True)
class Question:
    """An interrupt that waits, as the graph's state shows it.

    ``parkings`` counts how often its task was parked at this checkpoint.
    """

    checkpoint_id: str
    interrupt_id: str
    node: str
    parkings: int
    value: object

    @classmethod
    def breakpoint(cls, checkpoint_id: str, nodes: tuple[str, ...]) -> "Question":
        """Return what a static breakpoint asks, which has no interrupt of its own."""
        return cls(
            checkpoint_id=checkpoint_id,
            interrupt_id=_BREAKPOINT,
            node=", ".join(nodes),
            parkings=0,
            value={"breakpoint": list(nodes)},
        )

    @property
    def is_breakpoint(self) -> bool:
        """Whether the answer is a yes or no to going on, not a resume value."""
        return self.interrupt_id == _BREAKPOINT

    def approval_id(self, run_id: str) -> ApprovalId:
        """Return the id of the approval that this question stands for."""
        return derived_approval_id(
            run_id, self.checkpoint_id, self.interrupt_id, str(self.parkings)
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person decided, and who it was.

    ``edit`` counts only with ``approved`` and only when ``edited``: JSON null
    is a valid edit.
    """

    approved: bool
    by: str
    edited: bool = False
    edit: JsonValue = None
    reason: str | None = None

    @property
    def resume_value(self) -> JsonValue:
        """What the interrupted node gets back."""
        return self.edit if self.approved and self.edited else self.approved


class ApprovalDesk:
    """The approvals of one owner's runs."""

    def __init__(self, records: RecordStore, owner: str) -> None:
        self._records = records
        self._owner = owner

    def open(self, run_id: str, question: Question, now: datetime) -> ApprovalRecord:
        """Return the approval of ``question``, made on first sight."""
        record = ApprovalRecord(
            approval_id=question.approval_id(run_id),
            run_id=run_id,
            owner=self._owner,
            node=question.node,
            interrupt_id=question.interrupt_id,
            question=_as_json(question.value),
            created_at=now,
        )
        try:
            self._put(record, expected=ABSENT)
        except RecordConflict as conflict:
            if conflict.current is None:
                raise
            return _decode(conflict.current)
        return record

    def get(self, run_id: str, approval_id: str) -> ApprovalRecord:
        """Return one approval.

        Raises:
            ApprovalNotFound: the run has no such approval.
        """
        return _decode(self._read(run_id, approval_id))

    def of_run(self, run_id: str) -> Iterator[ApprovalRecord]:
        """Yield every approval of a run, open or answered."""
        for record in self._records.query(
            layout.run_partition(self._owner, run_id),
            low=layout.APPROVALS,
            high=layout.after(layout.APPROVALS),
        ):
            yield _decode(record)

    def answer(
        self, run_id: str, approval_id: str, answer: Answer, now: datetime
    ) -> ApprovalRecord:
        """Record the answer; the first one counts.

        The same answer again has no effect and is no error.

        Raises:
            ApprovalNotFound: the run has no such approval.
            ApprovalAnswered: it was answered otherwise before.
        """
        while True:
            stored = self._read(run_id, approval_id)
            approval = _decode(stored)
            if approval.status is not ApprovalStatus.OPEN:
                if _says(approval, answer):
                    return approval
                raise ApprovalAnswered(
                    f"approval {approval_id} was already {approval.status} by "
                    f"{approval.answered_by}; an answer cannot be changed"
                )
            answered = approval.model_copy(
                update={
                    "status": (
                        ApprovalStatus.APPROVED
                        if answer.approved
                        else ApprovalStatus.REJECTED
                    ),
                    "resume_value": answer.resume_value,
                    "reason": answer.reason,
                    "answered_by": answer.by,
                    "answered_at": now,
                }
            )
            try:
                self._put(answered, expected=stored.revision)
            except RecordConflict:
                continue  # parked or answered meanwhile: look again
            return answered

    def park(self, run_id: str, approval_id: str, token: str) -> ApprovalRecord:
        """Remember the task token under which the approval waits.

        The newest token counts: a retried park holds the one that is alive.

        Raises:
            ApprovalNotFound: the run has no such approval.
        """
        while True:
            stored = self._read(run_id, approval_id)
            parked = _decode(stored).model_copy(update={"task_token": token})
            try:
                self._put(parked, expected=stored.revision)
            except RecordConflict:
                continue
            return parked

    def _read(self, run_id: str, approval_id: str) -> Record:
        found = self._records.get(
            layout.run_partition(self._owner, run_id),
            layout.approval_sort(approval_id),
        )
        if found is None:
            raise ApprovalNotFound(
                f"run {run_id} has no approval {approval_id!r}; "
                "`analemma approvals` shows what waits"
            )
        return found

    def _put(self, approval: ApprovalRecord, *, expected: int) -> None:
        self._records.put(
            layout.run_partition(self._owner, approval.run_id),
            layout.approval_sort(approval.approval_id),
            approval.model_dump_json().encode(),
            expected=expected,
        )


def _says(approval: ApprovalRecord, answer: Answer) -> bool:
    approved = approval.status is ApprovalStatus.APPROVED
    return approved == answer.approved and approval.resume_value == answer.resume_value


def _as_json(value: object) -> JsonValue:
    return _JSON.validate_json(json.dumps(value, default=repr))


def _decode(record: Record) -> ApprovalRecord:
    try:
        return ApprovalRecord.model_validate_json(record.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {record.partition} {record.sort} is not an approval: "
            f"{error.error_count()} errors"
        ) from None
