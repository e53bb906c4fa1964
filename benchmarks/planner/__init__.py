"""How long the planner takes for 10,000 random graphs, and whether it is right.

Each graph is scheduled twice, the second time with its nodes and edges in
another order. Every node must stand once, after all before it, and the bytes
must be equal; else the exit code is 1, as it is when the 95th percentile of the
time is 100 ms or more.

    python -m benchmarks.planner --graphs 10000 --seed 1
"""
