"""Run an unmodified Pulumi program without the Pulumi CLI.

The program talks to what it takes for Pulumi's resource monitor; behind it
stand the state, the steps and a provider. ``docs/adr/0004`` says why this
exists beside the real engine, which stays the way to AWS.
"""
