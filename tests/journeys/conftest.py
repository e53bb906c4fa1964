"""What the journeys share."""

from cloud_fixture import cloud as cloud
