"""One store call fails once: a fresh writer ends the run as if it had not.

At the port an error and a timeout that changed nothing are one thing,
``StoreUnavailable``; on the wire to AWS they are two. Here is a part of the
matrix; ``whole_kills.py`` has all of it.
"""

from pathlib import Path
from typing import Any

import pytest

from matrix_faults import Fault, FaultyAws, faults_in_the_cloud, faults_on_a_laptop
from matrix_kills import check_all
from matrix_points import Attach
from matrix_stores import Moment

LAPTOP_STRIDE = 16
CLOUD_STRIDE = 56

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("attach", [Attach.BOUND, Attach.PLAIN])
@pytest.mark.parametrize("moment", Moment)
def test_run_on_a_laptop_survives_a_call_without_an_answer(
    tmp_path: Path, expected: dict[str, Any], attach: Attach, moment: Moment
) -> None:
    first = 1 + 5 * list(Attach).index(attach) + list(Moment).index(moment)
    points = faults_on_a_laptop(tmp_path, attach, moment, LAPTOP_STRIDE, first)
    assert len(check_all(points, expected)) > 60 // LAPTOP_STRIDE


@pytest.mark.parametrize("fault", Fault)
def test_run_in_the_cloud_survives_a_request_that_fails(
    tmp_path: Path, expected: dict[str, Any], faulty: FaultyAws, fault: Fault
) -> None:
    index = list(Fault).index(fault)
    attach = Attach.PLAIN if fault is Fault.ERROR else Attach.BOUND
    points = faults_in_the_cloud(
        tmp_path, faulty, attach, fault, CLOUD_STRIDE, 3 + 9 * index
    )
    assert len(check_all(points, expected)) > 60 // CLOUD_STRIDE
