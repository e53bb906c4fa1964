"""boto3 behind pulumi-aws types: what the embedded cloud makes of a program.

``table`` lists the types. Nothing here imports Pulumi: the same table can stand
behind any engine that speaks the provider's verbs.
"""
