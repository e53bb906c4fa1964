"""What checkpoints cost: LangGraph's savers and ours, side by side, in one run.

Every superstep is durable before the next one starts (``durability="sync"``).
Bytes and calls repeat exactly; milliseconds are one noisy run of this machine.
A row that was not run says so: its bytes are computed from the measured law of
the rows above it.

    make bench-memory                               everything; half an hour
    make bench-memory ARGS=--quick                  under half a minute
    make bench-memory ARGS="--postgres postgresql://user@host/database"
    python -m benchmarks.memory --only growth --cap-seconds 20

``docs/benchmarks.md`` says what each table shows and how it is counted.
"""
