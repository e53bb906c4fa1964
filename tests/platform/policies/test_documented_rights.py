"""The policy that the operations page shows is the one that is deployed."""

import json
import re
from pathlib import Path

from analemma_platform.policies import Reach, document, sweep_statements

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
PLACE = "eu-west-1:123456789012"


def test_the_rights_of_a_sweep_are_written_down_as_they_are() -> None:
    _, _, section = PAGE.read_text(encoding="utf-8").partition("## Rights of a sweep\n")
    shown = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert shown is not None
    reach = Reach(
        table=f"arn:aws:dynamodb:{PLACE}:table/analemma-prod-records",
        bucket="arn:aws:s3:::analemma-prod-pages-123456789012",
        machine=f"arn:aws:states:{PLACE}:stateMachine:analemma-prod-kernel",
        key=f"arn:aws:kms:{PLACE}:key/KEY-ID",
    )
    assert json.loads(shown[1]) == json.loads(document(sweep_statements(reach)))
