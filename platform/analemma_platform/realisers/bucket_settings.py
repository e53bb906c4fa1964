"""Settings of a bucket that are resources of their own; the id is the bucket's name.

A setting goes with its bucket: when the bucket is gone, deleting it is done.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.values import Properties, Value
from analemma_platform.realisers.aws import Argument, Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import Property, Realiser, Surroundings
from analemma_platform.realisers.wire_case import camel, pascal

_BUCKET = Property(required=True, force_new=True)
_LIFECYCLE_NAMES = {"id": "ID"}
_ENCRYPTION_NAMES = {
    "sseAlgorithm": "SSEAlgorithm",
    "kmsMasterKeyId": "KMSMasterKeyID",
}


class BucketSetting(Realiser):
    """What the settings share: put to create and to update."""

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Put the setting on the bucket."""
        name = inputs.text("bucket")
        self.put(around.aws, name, inputs)
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the setting as the bucket has it."""
        found = self.get(around.aws, resource_id)
        return None if found is None else {"bucket": resource_id, **found}

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Put the new setting in the place of the old one."""
        self.put(around.aws, resource_id, news)

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Take the setting off the bucket."""
        self.take_off(around.aws, resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str | None:
        """Return None: every bucket has every setting, if only by default."""
        return None

    @abstractmethod
    def put(self, aws: Aws, bucket: str, inputs: Block) -> None:
        """Write the setting."""

    @abstractmethod
    def get(self, aws: Aws, bucket: str) -> Properties | None:
        """Read the setting, None if the bucket has none."""

    @abstractmethod
    def take_off(self, aws: Aws, bucket: str) -> None:
        """Remove the setting; that there is none is success."""


class BucketPublicAccessBlock(BucketSetting):
    """``aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock``."""

    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"  # noqa: S105 - a type token
    properties: ClassVar[Mapping[str, Property]] = {
        "bucket": _BUCKET,
        "blockPublicAcls": Property(default=False),
        "blockPublicPolicy": Property(default=False),
        "ignorePublicAcls": Property(default=False),
        "restrictPublicBuckets": Property(default=False),
    }

    def put(self, aws: Aws, bucket: str, inputs: Block) -> None:
        """Write the four switches."""
        names = [name for name in self.properties if name != "bucket"]
        switches: Value = {name: inputs.flag(name) for name in names}
        aws.call(
            "s3",
            "put_public_access_block",
            Bucket=bucket,
            PublicAccessBlockConfiguration=pascal(switches),
        )

    def get(self, aws: Aws, bucket: str) -> Properties | None:
        """Read the four switches."""
        found = aws.find("s3", "get_public_access_block", Bucket=bucket)
        return _inside(found, "PublicAccessBlockConfiguration")

    def take_off(self, aws: Aws, bucket: str) -> None:
        """Remove the block."""
        aws.find("s3", "delete_public_access_block", Bucket=bucket)


class BucketEncryption(BucketSetting):
    """``aws:s3/bucketServerSideEncryptionConfiguration:…``."""

    token = (
        "aws:s3/bucketServerSideEncryptionConfiguration"  # noqa: S105 - a type token
        ":BucketServerSideEncryptionConfiguration"
    )
    properties: ClassVar[Mapping[str, Property]] = {
        "bucket": _BUCKET,
        "rules": Property(
            required=True,
            fields={
                "applyServerSideEncryptionByDefault": Property(
                    fields={
                        "sseAlgorithm": Property(required=True),
                        "kmsMasterKeyId": Property(),
                    }
                ),
                "bucketKeyEnabled": Property(),
            },
        ),
    }

    def put(self, aws: Aws, bucket: str, inputs: Block) -> None:
        """Write the rules."""
        rules = pascal(inputs.value("rules"), _ENCRYPTION_NAMES)
        aws.call(
            "s3",
            "put_bucket_encryption",
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": rules},
        )

    def get(self, aws: Aws, bucket: str) -> Properties | None:
        """Read the rules."""
        found = aws.find("s3", "get_bucket_encryption", Bucket=bucket)
        inside = _inside(found, "ServerSideEncryptionConfiguration", _ENCRYPTION_NAMES)
        return None if inside is None else {"rules": inside.get("rules")}

    def take_off(self, aws: Aws, bucket: str) -> None:
        """Go back to S3's own encryption."""
        aws.find("s3", "delete_bucket_encryption", Bucket=bucket)


class BucketLifecycle(BucketSetting):
    """``aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration``."""

    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"  # noqa: S105 - a type token
    properties: ClassVar[Mapping[str, Property]] = {
        "bucket": _BUCKET,
        "rules": Property(
            required=True,
            fields={
                "id": Property(required=True),
                "status": Property(required=True),
                "filter": Property(fields={"prefix": Property()}),
                "abortIncompleteMultipartUpload": Property(
                    fields={"daysAfterInitiation": Property()}
                ),
                "expiration": Property(
                    fields={
                        "days": Property(),
                        "date": Property(),
                        "expiredObjectDeleteMarker": Property(),
                    }
                ),
                "noncurrentVersionExpiration": Property(
                    fields={
                        "noncurrentDays": Property(),
                        "newerNoncurrentVersions": Property(),
                    }
                ),
            },
        ),
    }

    def put(self, aws: Aws, bucket: str, inputs: Block) -> None:
        """Write the rules; S3 wants a filter in each, if only an empty one."""
        rules: list[Argument] = []
        for rule in inputs.blocks("rules"):
            written = pascal(rule.values, _LIFECYCLE_NAMES)
            complete = written if isinstance(written, dict) else {}
            rules.append({"Filter": {"Prefix": ""}, **complete})
        aws.call(
            "s3",
            "put_bucket_lifecycle_configuration",
            Bucket=bucket,
            LifecycleConfiguration={"Rules": rules},
        )

    def get(self, aws: Aws, bucket: str) -> Properties | None:
        """Read the rules."""
        found = aws.find("s3", "get_bucket_lifecycle_configuration", Bucket=bucket)
        if found is None:
            return None
        return {"rules": camel(found.value("Rules"), _LIFECYCLE_NAMES)}

    def take_off(self, aws: Aws, bucket: str) -> None:
        """Remove all rules."""
        aws.find("s3", "delete_bucket_lifecycle", Bucket=bucket)


class BucketVersioning(BucketSetting):
    """``aws:s3/bucketVersioning:BucketVersioning``; it can be suspended, not undone."""

    token = "aws:s3/bucketVersioning:BucketVersioning"  # noqa: S105 - a type token
    properties: ClassVar[Mapping[str, Property]] = {
        "bucket": _BUCKET,
        "versioningConfiguration": Property(
            required=True, fields={"status": Property(required=True)}
        ),
    }

    def put(self, aws: Aws, bucket: str, inputs: Block) -> None:
        """Switch versioning; ``Disabled`` is what a bucket is born with."""
        status = self._status(inputs)
        if status != "Disabled":
            self._switch(aws, bucket, status)

    def get(self, aws: Aws, bucket: str) -> Properties | None:
        """Read whether versions are kept."""
        found = aws.find("s3", "get_bucket_versioning", Bucket=bucket)
        if found is None:
            return None
        return {"versioningConfiguration": {"status": found.text("Status", "Disabled")}}

    def take_off(self, aws: Aws, bucket: str) -> None:
        """Suspend versioning, if it was ever on."""
        found = self.get(aws, bucket)
        if found == {"versioningConfiguration": {"status": "Enabled"}}:
            self._switch(aws, bucket, "Suspended")

    def _switch(self, aws: Aws, bucket: str, status: str) -> None:
        aws.call(
            "s3",
            "put_bucket_versioning",
            Bucket=bucket,
            VersioningConfiguration={"Status": status},
        )

    def _status(self, inputs: Block) -> str:
        configuration = inputs.block("versioningConfiguration")
        return "Disabled" if configuration is None else configuration.text("status")


def _inside(
    found: Block | None, name: str, exceptions: Mapping[str, str] | None = None
) -> Properties | None:
    block = None if found is None else found.block(name)
    inside = None if block is None else camel(block.values, exceptions)
    return inside if isinstance(inside, dict) else None
