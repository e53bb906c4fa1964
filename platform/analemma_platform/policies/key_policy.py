"""The policy of a stack's KMS key: nobody by name, the account through IAM.

KMS looks at a key's own policy first: an IAM policy that grants more than the key
does grants nothing. So the actions of both lists are the most that anybody in the
account can be given, and the second list only where S3 or DynamoDB asks for it.
An administrator cannot read a page by decrypting its bytes alone.
"""

import json

_VERSION = "2012-10-17"

_ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)

_USE = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
"""What whoever deploys needs for a table under the key, and readers a part of it.

Source: "Key policy for a customer managed key" of DynamoDB's developer guide.
DynamoDB makes its grants for the principal that creates the table.
"""


def key_document(partition: str, account: str, region: str) -> str:
    """Return the policy of a key in ``account`` and ``region``, as JSON.

    ``Resource`` is ``*``: in a key policy that is this key and no other.
    """
    root = {"AWS": f"arn:{partition}:iam::{account}:root"}
    services = [f"{service}.{region}.amazonaws.com" for service in ("dynamodb", "s3")]
    administer: dict[str, object] = {
        "Sid": "AdministerThroughIam",
        "Effect": "Allow",
        "Principal": root,
        "Action": list(_ADMINISTRATION),
        "Resource": "*",
    }
    use: dict[str, object] = {
        "Sid": "StoreThroughIam",
        "Effect": "Allow",
        "Principal": root,
        "Action": list(_USE),
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": services}},
    }
    return json.dumps({"Version": _VERSION, "Statement": [administer, use]})
