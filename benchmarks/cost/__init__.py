"""What 100 supersteps cost in dollars: every call to AWS counted and priced.

One run of 100 supersteps, a message of 1 KB each, through the deployed state
machine on the embedded cloud; beside it one state a step on plain Step Functions
and LangGraph's AWS checkpointer, both really run there, and Lambda durable
functions by arithmetic. Not in the sums: models, compute, logs, data transfer,
storage, KMS.

    make bench-cost                        exit code 1 if counts drifted
    python -m benchmarks.cost --record     write what was counted as expected

``docs/benchmarks.md`` says what is counted and how.
"""
