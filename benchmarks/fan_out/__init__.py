"""What a task of a fan-out costs, by how many tasks its superstep has.

The same graph sends 1, 100, 1,000 and 10,000 tasks through the deployed state
machine on the embedded cloud. Every call to AWS is counted, and what the
functions and the starting process sent and received. Beside it stands the wall
time of a plain Step Functions Distributed Map over the same node function, which
stores nothing.

Calls and bytes a task must be flat from 100 tasks up, within 20 %.
"""
