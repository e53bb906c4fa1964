"""A run of thousands of slices through the deployed state machine, to its end.

One superstep a slice, so that the run outlives many executions; a person is
asked in the last slice before a renewal, and again while the execution is taken
away. What must hold: the run is done, no history reaches 25,000 events, and each
question is answered once, however often it was parked.

    make soak                                        8,000 slices
    python -m benchmarks.soak --quick                200
    python -m benchmarks.soak --slices 60 --renew-after 20
"""
