"""LangGraph with langgraph-checkpoint-aws, in this process, through the front.

The same graph as ours, every superstep durable before the next one. Only what
the saver asks of DynamoDB is counted; something has to run the graph as well.
"""

from boto3.session import Session
from langchain_core.runnables import RunnableConfig
from langgraph_checkpoint_aws import DynamoDBSaver

from benchmarks.cloud.front import Call
from benchmarks.cloud.stack import BenchStack
from benchmarks.cost.deployed.appending import builder, first

_TABLE = "bench-checkpoints"
KEY = "checkpointer"
"""The access key by which the front tells this caller from the others."""


def run(stack: BenchStack, supersteps: int) -> list[Call]:
    """Run the graph once on an empty table; return its calls."""
    _make_table(stack)
    stack.front.forget()
    saver = DynamoDBSaver(
        table_name=_TABLE,
        session=Session(
            region_name=stack.settings.region,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
        ),
        endpoint_url=stack.front.endpoint,
    )
    config: RunnableConfig = {"configurable": {"thread_id": "bench"}}
    graph = builder.compile(checkpointer=saver)
    state = graph.invoke(first(supersteps), config, durability="sync")
    if len(state["messages"]) != supersteps:
        raise RuntimeError(f"the graph made {len(state['messages'])} messages")
    return stack.front.calls()


def _make_table(stack: BenchStack) -> None:
    stack.unwatched.dynamodb.create_table(
        TableName=_TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
        ],
    )
