"""Hardware: what holds a stack's data. A bucket, a table, perhaps a key, a secret.

The bucket has no rule that expires pages by age. Pages are shared by content: a
page of last year may be named by a manifest of today. It always keeps versions: a
sweep deletes the version it has seen, and never one that a run stored since.
"""

from dataclasses import dataclass
from typing import TypeAlias

import pulumi
import pulumi_aws as aws

from analemma_platform.components.scope import Scope
from analemma_platform.policies import key_document
from analemma_platform.settings import EncryptionSettings, RetentionSettings

_SECRET_RECOVERY_DAYS = 30
_KEY_DELETION_DAYS = {True: 30, False: 7}
"""From asking for a key's deletion to it; the most and the least that KMS offers."""

_EncryptionRule: TypeAlias = aws.s3.BucketServerSideEncryptionConfigurationRuleArgsDict


@dataclass(frozen=True, slots=True)
class HardwarePolicy:
    """How safe the data is kept.

    ``protected`` makes Pulumi and DynamoDB refuse to delete; ``recoverable``
    keeps what AWS can bring back (continuous backups, deleted secrets and keys).
    """

    protected: bool
    recoverable: bool
    retention: RetentionSettings
    encryption: EncryptionSettings
    model_secret: bool


class Hardware(pulumi.ComponentResource):
    """The stack's stores.

    ``key_arn`` and ``secret_arn`` are None where none is configured.
    """

    bucket: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    table: pulumi.Output[str]
    table_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str] | None
    secret_arn: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        scope: Scope,
        policy: HardwarePolicy,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the stores. ``opts.protect`` reaches every one of them."""
        super().__init__("analemma:platform:Hardware", name, None, opts)
        self._name = name
        self._scope = scope
        self._policy = policy
        self._inside = pulumi.ResourceOptions(parent=self)

        self.key_arn = self._key().arn if policy.encryption.kms else None
        bucket = self._pages()
        table = self._records()
        self.bucket, self.bucket_arn = bucket.bucket, bucket.arn
        self.table, self.table_arn = table.name, table.arn
        self.secret_arn = self._model_keys().arn if policy.model_secret else None
        self.register_outputs(
            {
                "bucket": self.bucket,
                "bucketArn": self.bucket_arn,
                "table": self.table,
                "tableArn": self.table_arn,
                "keyArn": self.key_arn,
                "secretArn": self.secret_arn,
            }
        )

    def _key(self) -> aws.kms.Key:
        scope = self._scope
        policy = pulumi.Output.all(scope.partition, scope.account, scope.region)
        key = aws.kms.Key(
            f"{self._name}-key",
            description=f"Pages and records of the stack {scope.stack}.",
            policy=policy.apply(lambda place: key_document(*place)),
            enable_key_rotation=True,
            deletion_window_in_days=_KEY_DELETION_DAYS[self._policy.recoverable],
            tags=scope.tags("hardware"),
            opts=self._inside,
        )
        aws.kms.Alias(
            f"{self._name}-key-name",
            name=f"alias/analemma-{scope.stack}",
            target_key_id=key.key_id,
            opts=self._inside,
        )
        return key

    def _pages(self) -> aws.s3.Bucket:
        prefix = self._scope.name("pages")
        bucket = aws.s3.Bucket(
            f"{self._name}-pages",
            # The account: bucket names are one namespace for all of AWS.
            bucket=pulumi.Output.format("{0}-{1}", prefix, self._scope.account),
            force_destroy=not self._policy.protected,
            tags=self._scope.tags("hardware"),
            opts=self._inside,
        )
        aws.s3.BucketPublicAccessBlock(
            f"{self._name}-pages-private",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._inside,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-pages-encryption",
            bucket=bucket.bucket,
            rules=[self._page_encryption()],
            opts=self._inside,
        )
        versions = aws.s3.BucketVersioning(
            f"{self._name}-pages-versions",
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=self._inside,
        )
        self._page_lifecycle(bucket, versions)
        return bucket

    def _page_encryption(self) -> _EncryptionRule:
        if self.key_arn is None:
            return {
                "apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}
            }
        return {
            "apply_server_side_encryption_by_default": {
                "sse_algorithm": "aws:kms",
                "kms_master_key_id": self.key_arn,
            },
            # S3 then asks KMS once in a while for the bucket, not for every page.
            "bucket_key_enabled": True,
        }

    def _page_lifecycle(
        self, bucket: aws.s3.Bucket, versions: aws.s3.BucketVersioning
    ) -> None:
        retention = self._policy.retention
        upload_days = retention.unfinished_uploads_days
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-pages-lifecycle",
            bucket=bucket.bucket,
            rules=[
                {
                    "id": "forget-unfinished-uploads",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {
                        "days_after_initiation": upload_days
                    },
                },
                {
                    "id": "forget-deleted-pages",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    # The mark that a delete leaves, once it hides nothing more.
                    "expiration": {"expired_object_delete_marker": True},
                    "noncurrent_version_expiration": {
                        "noncurrent_days": retention.deleted_pages_days
                    },
                },
            ],
            # S3 refuses a rule on versions while a bucket keeps none.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versions]),
        )

    def _records(self) -> aws.dynamodb.Table:
        return aws.dynamodb.Table(
            f"{self._name}-records",
            name=self._scope.name("records"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
            point_in_time_recovery={"enabled": self._policy.recoverable},
            server_side_encryption=(
                None
                if self.key_arn is None
                else {"enabled": True, "kms_key_arn": self.key_arn}
            ),
            deletion_protection_enabled=self._policy.protected,
            tags=self._scope.tags("hardware"),
            opts=self._inside,
        )

    def _model_keys(self) -> aws.secretsmanager.Secret:
        """Declare the secret; its value is put there by a person, later."""
        return aws.secretsmanager.Secret(
            f"{self._name}-model-keys",
            name=self._scope.name("model-keys"),
            description="API keys of model vendors, as a JSON object.",
            recovery_window_in_days=(
                _SECRET_RECOVERY_DAYS if self._policy.recoverable else 0
            ),
            tags=self._scope.tags("hardware"),
            opts=self._inside,
        )
