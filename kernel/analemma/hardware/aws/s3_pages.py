"""Pages as S3 objects: ``pages/<owner>/<sha256>``.

Flat, so that a state machine can name an object from a page id. S3 checks the
SHA-256 of what arrives against the page's own id, so nothing damaged on the way
is ever stored.

The role needs PutObject and GetObject on ``pages/*``, and ListBucket on the
bucket: without it S3 answers 403 instead of 404 for a page that is missing.
"""

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from analemma.errors import PageCorrupt, PageMissing
from analemma.hardware.aws.edge import aws_edge, check_answered, error_code
from analemma.ids import Owner, PageId, is_page_id, page_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

_ALREADY_THERE = "PreconditionFailed"
_BEING_WRITTEN = "ConditionalRequestConflict"
_MISSING = "NoSuchKey"
_MISSING_TO_HEAD = "404"  # HEAD has no body to hold a code.


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
        """Store ``page`` under its SHA-256 and return that id. One PutObject.

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
                    return name
                if code != _BEING_WRITTEN:
                    raise
                # Another worker is storing these very bytes and may yet fail.
                # Writing them over its object changes nothing.
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
                return False
            check_answered(answer["ResponseMetadata"]["HTTPHeaders"], self._thing)
        return True
