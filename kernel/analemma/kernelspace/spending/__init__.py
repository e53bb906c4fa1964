"""Spending: limits that hold however many threads and processes spend at once.

Reserve, call, settle. Before a model call, the most it can cost is reserved in the
counter of every scope that has a limit: the run, its workflow's version, the
environment. A counter is one record, and each change of it a compare-and-set, so
all reservations together fit the limit whoever makes them. After the call the
ledger entry is written, then the reservation is replaced by what the call cost.

A process that dies in between leaves a hold. The run's next slice reads the ledger
for it: calls with an entry are settled at their cost, the others count as their
bound, because nobody can tell whether they were made (ADR 0014).
"""
