"""Amazon States Language, interpreted: what replaces ministack's interpreter.

ministack keeps the records and answers the read-only calls (describe, list,
tags, versions); everything that decides what an execution does is here. One
thread walks one execution, and one more each branch, iteration or child.

Only the JSONPath query language is interpreted, and a definition that uses a
field we do not know is refused when it is created, never ignored: a field that
is accepted and not obeyed would make a machine that works here and not on AWS.
"""
