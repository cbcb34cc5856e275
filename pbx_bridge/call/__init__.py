"""The call machine: what a call is, what can happen to it, and what follows.

Pure: no await, no clock, no I/O. Time is an argument. `advance` is the only door; the table is the law.
"""
