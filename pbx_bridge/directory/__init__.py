"""The directory of services: what can be called, when, in which order, and what happens when that cannot be.

Pure: no I/O, no clock. Engineers write it as TOML files (services/), which `shelf` reads; `decide` is the one place
where hours, limits and the state of a queue become a decision.
"""
