"""Whether limits hold when models are asked at once, and what holding them costs.

Four tables. Calls in parallel threads and worker processes against a limit, beside
the same calls through a meter that only compares what is spent with the limit, as
ours did before it reserved. Ledgers against what the provider reported, to the
micro-dollar. On the repository's examples, what was reserved and expected against
what was used. And store calls for a model call, by what is limited. The exit code
is 1 if a limit was passed, a ledger is not the bill, a call cost more than its
bound, or the store calls are not those expected.

The provider is a server on loopback that speaks the Gemini API, and the client is
Google's own. It holds back its answers until as many calls are waiting as will
come, so that all figures are the same every time.

    python -m benchmarks.budgets
"""
