"""The table: which realiser makes which type."""

from collections.abc import Mapping

from analemma_platform.realisers.bucket import Bucket
from analemma_platform.realisers.bucket_settings import (
    BucketEncryption,
    BucketLifecycle,
    BucketPublicAccessBlock,
    BucketVersioning,
)
from analemma_platform.realisers.dynamodb_item import TableItem
from analemma_platform.realisers.dynamodb_table import Table
from analemma_platform.realisers.iam import Role, RolePolicy
from analemma_platform.realisers.kms import Alias, Key
from analemma_platform.realisers.lambda_function import Function
from analemma_platform.realisers.log_group import LogGroup
from analemma_platform.realisers.managed_policy import ManagedPolicy
from analemma_platform.realisers.metric_alarm import MetricAlarm
from analemma_platform.realisers.realiser import Realiser
from analemma_platform.realisers.secret import Secret
from analemma_platform.realisers.state_machine import StateMachine

REALISERS: Mapping[str, Realiser] = {
    realiser.token: realiser
    for realiser in (
        Alias(),
        Bucket(),
        BucketEncryption(),
        BucketLifecycle(),
        BucketPublicAccessBlock(),
        BucketVersioning(),
        Function(),
        Key(),
        LogGroup(),
        ManagedPolicy(),
        MetricAlarm(),
        Role(),
        RolePolicy(),
        Secret(),
        StateMachine(),
        Table(),
        TableItem(),
    )
}
