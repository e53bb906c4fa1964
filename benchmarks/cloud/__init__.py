"""The deployed stack that benchmarks run on, and what counts the calls there.

The Pulumi program of this checkout, realised on the embedded cloud by the same
code as ``analemma cloud up``. Between every caller and the emulated AWS stands a
front that counts (``front``); what Step Functions does by itself passes no
network, and is read from the histories of its executions (``history``).
"""
