"""What we hold on to in ministack is there, and its absence would be noticed."""

import pytest

from analemma.errors import CloudUnavailable
from analemma_platform.emulator import seams


def test_every_seam_is_present_in_the_pinned_version():
    seams.require(seams.VERSION, seams.CALLED + seams.REPLACED)
    assert len(set(seams.CALLED + seams.REPLACED)) == len(seams.CALLED + seams.REPLACED)


def test_another_version_is_refused_by_number():
    with pytest.raises(CloudUnavailable, match=r"1\.5\.33 is installed.*9\.9\.9"):
        seams.require("9.9.9", ())


def test_missing_name_is_named():
    gone = seams.Seam("ministack.services.stepfunctions", "_gone")
    with pytest.raises(CloudUnavailable, match=r"stepfunctions\._gone"):
        seams.require(seams.VERSION, (gone,))


def test_pin_of_the_distribution_is_the_version_the_seams_know(pytestconfig):
    project = (pytestconfig.rootpath / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"ministack=={seams.VERSION}"' in project
