"""The small example graphs under plain LangGraph."""

import pytest
from langgraph.errors import GraphRecursionError

from auditor_example import AloneRun, load_example


def test_counter_counts_to_its_target():
    assert AloneRun("minimal/counter.py").start({"target": 10})["count"] == 10


def test_loop_ends_only_by_a_limit_from_outside():
    graph = load_example("minimal/loop_forever.py").graph
    with pytest.raises(GraphRecursionError):
        graph.invoke({}, {"recursion_limit": 50})


def test_fan_out_squares_every_number_in_order():
    squares = AloneRun("minimal/fan_out.py").start({"count": 50})
    assert squares["squares"] == [n * n for n in range(50)]
    assert squares["total"] == 40_425


@pytest.mark.parametrize(
    ("answer", "paid"), [(True, 120), (False, 0), ({"amount": 80}, 80)]
)
def test_approval_example_pays_what_was_agreed(answer, paid):
    run = AloneRun("minimal/approval.py")
    run.start({"amount": 120})
    assert run.question() == {"question": "Pay 120?", "amount": 120}
    assert run.answer(answer)["paid"] == paid


def test_failing_example_fails_until_its_file_is_there(tmp_path):
    numbers = tmp_path / "numbers.txt"
    with pytest.raises(FileNotFoundError):
        AloneRun("minimal/failing.py").start({"path": str(numbers)})
    numbers.write_text("1 2\n3\n")
    assert AloneRun("minimal/failing.py").start({"path": str(numbers)})["total"] == 6
