"""Pages as S3 objects: ``pages/<owner>/<sha256>``.

Flat, so that a state machine can name an object from a page id. S3 checks the
SHA-256 of what arrives against the page's own id, so nothing damaged on the way
is ever stored.

A page that is due is put again, whole: in a bucket that keeps versions, as one
more version of the same bytes. So a page may have several, and deleting takes
the youngest away until none is left or one is too young: always a version by its
id, because a put meanwhile makes a version of its own, which stays. What is
deleted so cannot be brought back.

Putting needs s3:PutObject, reading s3:GetObject, both on ``pages/*``, and both
s3:ListBucket on the bucket: without it S3 answers 403 instead of 404 for a page
that is missing. ``list`` needs s3:ListBucket; ``delete`` needs s3:GetObject and
s3:DeleteObjectVersion, and in a bucket without versions s3:DeleteObject.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from analemma.errors import PageCorrupt, PageMissing
from analemma.hardware.aws.edge import aws_edge, check_answered, error_code
from analemma.hardware.ports.pages import StoredPage, is_due
from analemma.ids import Owner, PageId, is_page_id, page_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        DeleteObjectRequestTypeDef,
        HeadObjectOutputTypeDef,
        ListObjectsV2RequestTypeDef,
        PutObjectRequestTypeDef,
    )

_ALREADY_THERE = "PreconditionFailed"
_BEING_WRITTEN = "ConditionalRequestConflict"
_MISSING = "NoSuchKey"
_MISSING_TO_HEAD = "404"  # HEAD has no body to hold a code.
_CHANGED = _ALREADY_THERE  # The same 412, for a delete: another ETag is there.
# LastModified is in whole seconds.
_COARSE = timedelta(seconds=1)


class S3PageStore:
    """The ``PageStore`` of one owner in the cloud. Safe among threads.

    ``has`` cannot tell a missing bucket from a missing page (S3 answers HEAD
    with a bare 404); ``put`` and ``get`` can.
    """

    def __init__(self, client: "S3Client", bucket: str, owner: Owner) -> None:
        """Keep the pages of ``owner`` in ``bucket``.

        Raises:
            ValueError: ``owner`` is empty.
        """
        if not owner:
            raise ValueError("the owner of pages is empty")
        self._client = client
        self._bucket = bucket
        self._prefix = f"pages/{quote(owner, safe='')}/"
        self._thing = f"S3 bucket {bucket}"

    def put(self, page: bytes) -> PageId:
        """Store ``page`` under its SHA-256 and return that id.

        One PutObject, and one HeadObject if the page was there; one more
        PutObject, without a condition, if it is due to be renewed or if S3
        cannot say yet whether it is there. Age is judged by this machine's
        clock against S3's, which may be half an hour apart.

        Raises:
            StoreUnavailable: not known whether it was stored.
            CloudUnavailable: the bucket is missing, or access is denied.
        """
        name = page_id(page)
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": self._prefix + name,
            "Body": page,
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(name)).decode(),
            "IfNoneMatch": "*",
        }
        with aws_edge(self._thing):
            try:
                answer = self._client.put_object(**request)
            except ClientError as error:
                code = error_code(error)
                if code == _ALREADY_THERE:
                    found = self._head(name)
                    if found and not is_due(found["LastModified"], datetime.now(UTC)):
                        return name
                elif code != _BEING_WRITTEN:
                    raise
                # It is due, or it was deleted meanwhile, or another worker is
                # storing these very bytes and may yet fail. Writing them over
                # its object changes nothing but the age.
                del request["IfNoneMatch"]
                answer = self._client.put_object(**request)
            check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
        return name

    def get(self, page: PageId) -> bytes:
        """Return the bytes of ``page``. One GetObject.

        Raises:
            PageMissing: no such page, or no id that a page could have.
            PageCorrupt: the stored bytes do not hash to their id.
            StoreUnavailable: S3 did not answer.
            CloudUnavailable: the bucket is missing, or access is denied.
        """
        if not is_page_id(page):
            raise PageMissing(f"page {page[:80]!r} is no SHA-256; nothing has that id")
        key = self._prefix + page
        with aws_edge(self._thing):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
                check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
                stored = answer["Body"].read()
            except ClientError as error:
                if error_code(error) != _MISSING:
                    raise
                raise PageMissing(
                    f"page {page} is not in s3://{self._bucket}/{self._prefix}"
                ) from error
        if page_id(stored) != page:
            raise PageCorrupt(
                f"page {page} hashes to {page_id(stored)}; restore an older version "
                f"of s3://{self._bucket}/{key}"
            )
        return stored

    def has(self, page: PageId) -> bool:
        """Say whether ``page`` is stored. One HeadObject.

        Raises:
            StoreUnavailable: S3 did not answer.
            CloudUnavailable: access is denied.
        """
        if not is_page_id(page):
            return False
        with aws_edge(self._thing):
            return self._head(page) is not None

    def list(self) -> Iterator[StoredPage]:
        """Yield every page of the owner. One ListObjectsV2 for each 1,000.

        Raises:
            StoreUnavailable: S3 did not answer.
            CloudUnavailable: the bucket is missing, or access is denied.
        """
        request: ListObjectsV2RequestTypeDef = {
            "Bucket": self._bucket,
            "Prefix": self._prefix,
        }
        while True:
            with aws_edge(self._thing):
                answer = self._client.list_objects_v2(**request)
                check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
            for found in answer.get("Contents", ()):
                name = found["Key"].removeprefix(self._prefix)
                if is_page_id(name):
                    stored_at = found["LastModified"].astimezone(UTC)
                    yield StoredPage(PageId(name), found["Size"], stored_at)
            if not answer["IsTruncated"]:
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]

    def delete(self, page: PageId, *, stored_before: datetime) -> bool:
        """Remove ``page`` if it was last stored before that moment; say whether.

        One HeadObject and one DeleteObject for each version there is, and one
        last HeadObject. A page stored less than a second before the moment stays.

        Race-free in a bucket that keeps versions. In one that keeps none, S3 can
        only be asked for the ETag (``IfMatch``; times are for directory buckets),
        and without a KMS key the ETag is that of the bytes: there, a put that
        renews the page between the two calls is lost, as it is where versions
        were suspended. Of two deletes at once both may say that it was them.

        Raises:
            StoreUnavailable: not known whether it was removed.
            CloudUnavailable: access is denied.
        """
        if not is_page_id(page):
            return False
        removed = False
        with aws_edge(self._thing):
            while found := self._head(page):
                if found["LastModified"] + _COARSE > stored_before:
                    return False
                if not self._delete_found(page, found):
                    return False
                removed = True
        return removed

    def _delete_found(self, page: PageId, found: "HeadObjectOutputTypeDef") -> bool:
        request: DeleteObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": self._prefix + page,
        }
        if version := found.get("VersionId", ""):
            request["VersionId"] = version
        else:
            request["IfMatch"] = found["ETag"]
        try:
            answer = self._client.delete_object(**request)
        except ClientError as error:
            if error_code(error) in (_CHANGED, _MISSING):
                return False
            raise
        check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
        return True

    def _head(self, page: PageId) -> "HeadObjectOutputTypeDef | None":
        try:
            answer = self._client.head_object(
                Bucket=self._bucket, Key=self._prefix + page
            )
        except ClientError as error:
            if error_code(error) != _MISSING_TO_HEAD:
                raise
            check_answered(
                error.response["ResponseMetadata"]["HTTPHeaders"], self._thing
            )
            return None
        check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
        return answer
