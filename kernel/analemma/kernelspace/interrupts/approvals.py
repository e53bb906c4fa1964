"""Approvals: one record per interrupt, one answer per record.

An interrupt's id is not enough to name a question: LangGraph derives it from
the task, so the second ``interrupt()`` of one task has the id of the first. An
approval's id therefore also covers the question's turn, and an old answer can
never reach a new question. A node that fails before it takes its answer asks the
same question in the same turn, and finds the answer waiting.

Approving resumes the node with ``True``, rejecting with ``False``, approving
with an edit with exactly that JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import to_json

from analemma.errors import ApprovalAnswered, ApprovalNotFound, Corrupt, InputInvalid
from analemma.hardware.ports import (
    ABSENT,
    MAX_BODY_BYTES,
    Record,
    RecordConflict,
    RecordStore,
)
from analemma.ids import ApprovalId, derived_approval_id
from analemma.kernelspace import layout
from analemma.kernelspace.value_pages import value_page
from analemma.records.approval import ApprovalRecord, ApprovalStatus

_BREAKPOINT = "breakpoint"

_MAX_QUESTION = 50_000
"""Characters of a question that its record keeps; the run's state has it whole."""

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, slots=True)
class Question:
    """An interrupt that waits, as the graph's state shows it.

    ``turn`` tells the questions of one task apart: how many it had answers to
    before, or, where the question comes from inside a subgraph, how often the task
    was parked at this checkpoint.
    """

    checkpoint_id: str
    interrupt_id: str
    node: str
    turn: int
    value: object

    @classmethod
    def breakpoint(cls, checkpoint_id: str, nodes: tuple[str, ...]) -> "Question":
        """Return what a static breakpoint asks, which has no interrupt of its own."""
        return cls(
            checkpoint_id=checkpoint_id,
            interrupt_id=_BREAKPOINT,
            node=", ".join(nodes),
            turn=0,
            value={"breakpoint": list(nodes)},
        )

    @property
    def is_breakpoint(self) -> bool:
        """Whether the answer is a yes or no to going on, not a resume value."""
        return self.interrupt_id == _BREAKPOINT

    def approval_id(self, run_id: str) -> ApprovalId:
        """Return the id of the approval that this question stands for."""
        return derived_approval_id(
            run_id, self.checkpoint_id, self.interrupt_id, str(self.turn)
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
            InputInvalid: the edit cannot be handed to a node.
        """
        value_page(answer.resume_value)  # what no page holds, no node can get
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
        body = approval.model_dump_json().encode()
        if len(body) > MAX_BODY_BYTES:
            raise InputInvalid(
                f"the answer to {approval.approval_id} makes its record "
                f"{len(body):,} bytes, at most {MAX_BODY_BYTES:,} fit; give a shorter "
                "one, or a reference to it"
            )
        self._records.put(
            layout.run_partition(self._owner, approval.run_id),
            layout.approval_sort(approval.approval_id),
            body,
            expected=expected,
        )


def _says(approval: ApprovalRecord, answer: Answer) -> bool:
    approved = approval.status is ApprovalStatus.APPROVED
    # As JSON: in Python 1 and True are equal, and a node may tell them apart.
    return approved == answer.approved and to_json(approval.resume_value) == to_json(
        answer.resume_value
    )


def _as_json(value: object) -> JsonValue:
    """Return the question as JSON, its text cut when no person would read it."""
    try:
        text = to_json(
            value, fallback=repr, bytes_mode="base64", inf_nan_mode="null"
        ).decode()
    except ValueError:  # a circle, or text that UTF-8 cannot hold
        text = to_json(repr(value)).decode()
    if len(text) <= _MAX_QUESTION:
        return _JSON.validate_json(text)
    return {"shortened": text[:_MAX_QUESTION], "characters": len(text)}


def _decode(record: Record) -> ApprovalRecord:
    try:
        return ApprovalRecord.model_validate_json(record.body)
    except ValidationError as error:
        raise Corrupt(
            f"record {record.partition} {record.sort} is not an approval: "
            f"{error.error_count()} errors"
        ) from None
