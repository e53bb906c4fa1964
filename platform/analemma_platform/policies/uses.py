"""Which code needs which IAM action: the reason beside every grant.

A row without a grant, a grant without a row, and a row whose call no adapter
makes each fail a test.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """Why an action is granted.

    ``call`` is the boto3 method that needs it, None where the caller is AWS
    itself (``why`` then says on whose behalf).
    """

    action: str
    call: str | None
    why: str


USES = (
    Use("dynamodb:GetItem", "get_item", "RecordStore.get"),
    Use("dynamodb:Query", "query", "RecordStore.query"),
    Use("dynamodb:UpdateItem", "update_item", "RecordStore.put"),
    Use("dynamodb:DeleteItem", "delete_item", "RecordStore.delete"),
    Use("s3:GetObject", "get_object", "PageStore.get; an ItemReader's page"),
    Use("s3:PutObject", "put_object", "PageStore.put"),
    Use("s3:ListBucket", "head_object", "PageStore.has: 404, not 403, for no page"),
    Use("secretsmanager:GetSecretValue", "get_secret_value", "the models' API keys"),
    Use("states:SendTaskSuccess", "send_task_success", "an answer came before park"),
    Use("states:StartExecution", None, "the machine: renewal, and a map's items"),
    Use("states:DescribeExecution", None, "the machine: watch a map's items"),
    Use("states:StopExecution", None, "the machine: stop a map's items"),
    Use("states:RedriveExecution", None, "the machine: a redriven map's items"),
    Use("lambda:InvokeFunction", None, "the machine: its Task states"),
    Use("kms:Decrypt", None, "S3 and DynamoDB: what is stored under the stack's key"),
    Use("kms:GenerateDataKey", None, "S3: a page that is put"),
    Use("logs:CreateLogStream", None, "Lambda: one stream a sandbox"),
    Use("logs:PutLogEvents", None, "Lambda: what the functions log"),
)

SWEEP_USES = (
    Use("dynamodb:Scan", "scan", "RecordStore.scan: the runs of every owner"),
    Use("s3:ListBucket", "list_objects_v2", "PageStore.list: the pages there are"),
    Use("s3:DeleteObject", "delete_object", "PageStore.delete: S3 wants it always"),
    Use("s3:DeleteObjectVersion", "delete_object", "PageStore.delete: what it saw"),
)
"""Why a sweep is granted more than a slice is; no role of the stack is a sweep's."""
