"""S3 buckets. A bucket that holds objects is only deleted if told to empty it."""

from collections.abc import Mapping
from typing import ClassVar

from analemma_platform.engine.failures import ProviderFailure
from analemma_platform.engine.values import Properties
from analemma_platform.realisers import tagging
from analemma_platform.realisers.aws import Aws
from analemma_platform.realisers.block import Block
from analemma_platform.realisers.realiser import (
    NameRule,
    Property,
    Realiser,
    Surroundings,
)

_NO_LOCATION = "us-east-1"
"""The region that must not be named when a bucket is made (S3, CreateBucket)."""


class Bucket(Realiser):
    """``aws:s3/bucket:Bucket``; its id is its name."""

    token = "aws:s3/bucket:Bucket"  # noqa: S105 - a type token
    name_rule = NameRule(
        63, property="bucket", prefix_property="bucketPrefix", lower_case=True
    )
    properties: ClassVar[Mapping[str, Property]] = {
        "forceDestroy": Property(default=False),
    }
    computed = ("arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName")
    taggable = True

    def create(self, around: Surroundings, inputs: Block) -> str:
        """Make the bucket, then tag it."""
        name, region = inputs.text("bucket"), around.aws.region
        located = region != _NO_LOCATION
        around.aws.call(
            "s3",
            "create_bucket",
            Bucket=name,
            CreateBucketConfiguration=(
                {"LocationConstraint": region} if located else None
            ),
        )
        self._tag(around.aws, name, tagging.tags_of(inputs))
        return name

    def read(
        self, around: Surroundings, resource_id: str, state: Block
    ) -> Properties | None:
        """Return the bucket's names and tags."""
        aws = around.aws
        if aws.find("s3", "head_bucket", Bucket=resource_id) is None:
            return None
        # A bucket without tags answers NoSuchTagSet.
        tags = aws.find("s3", "get_bucket_tagging", Bucket=resource_id)
        return {
            "bucket": resource_id,
            "arn": f"arn:aws:s3:::{resource_id}",
            "bucketDomainName": f"{resource_id}.s3.amazonaws.com",
            "bucketRegion": aws.region,
            "bucketRegionalDomainName": f"{resource_id}.s3.{aws.region}.amazonaws.com",
            "tagsAll": tagging.from_list([] if tags is None else tags.blocks("TagSet")),
        }

    def update(
        self, around: Surroundings, resource_id: str, olds: Block, news: Block
    ) -> None:
        """Set the tags; nothing else of a bucket can change in place."""
        self._tag(around.aws, resource_id, tagging.tags_of(news))

    def delete(
        self, around: Surroundings, resource_id: str, state: Block, *, force: bool
    ) -> None:
        """Delete the bucket, emptied first if it may be."""
        if around.aws.find("s3", "head_bucket", Bucket=resource_id) is None:
            return
        if force or state.flag("forceDestroy"):
            _empty(around.aws, resource_id)
        around.aws.find("s3", "delete_bucket", Bucket=resource_id)

    def id_of(self, around: Surroundings, inputs: Block) -> str:
        """Return the bucket's name."""
        return inputs.text("bucket")

    def _tag(self, aws: Aws, name: str, tags: dict[str, str]) -> None:
        if tags:
            listed = {"TagSet": tagging.as_list(tags)}
            aws.call("s3", "put_bucket_tagging", Bucket=name, Tagging=listed)
        else:
            aws.find("s3", "delete_bucket_tagging", Bucket=name)


def _empty(aws: Aws, name: str) -> None:
    """Delete every version of every object, and uploads that never ended."""
    while True:
        page = aws.call("s3", "list_object_versions", Bucket=name)
        versions = [*page.blocks("Versions"), *page.blocks("DeleteMarkers")]
        if not versions:
            break
        doomed = [
            {"Key": one.text("Key"), "VersionId": one.text("VersionId", "null")}
            for one in versions
        ]
        answer = aws.call(
            "s3", "delete_objects", Bucket=name, Delete={"Objects": doomed}
        )
        for error in answer.blocks("Errors"):
            raise ProviderFailure(f"s3: {name}: {error.text('Message', 'not deleted')}")
    uploads = aws.call("s3", "list_multipart_uploads", Bucket=name)
    for upload in uploads.blocks("Uploads"):
        aws.find(
            "s3",
            "abort_multipart_upload",
            Bucket=name,
            Key=upload.text("Key"),
            UploadId=upload.text("UploadId"),
        )
