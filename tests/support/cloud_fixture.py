"""One deployed dev stack for all journeys of a session.

Use it from a ``conftest.py``: ``from cloud_fixture import cloud as cloud``.
"""

from collections.abc import Iterator

import pytest

from cloud_project import project_with_workflows_at
from cloud_stack import CloudStack, deployed


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStack]:
    """The dev stack, with the auditor and the small workflows. Shared."""
    folder = tmp_path_factory.mktemp("cloud")
    project = project_with_workflows_at(folder / "project")
    with deployed(project, folder / "home", "dev") as stack:
        yield stack
