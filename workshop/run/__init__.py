"""`make run`: everything started on one machine, one call placed and shown, then it stays up.

    options.py   what the person may choose
    state.py     the folder that outlives a run: configuration, secrets, database, credentials
    doors.py     the four ports that the outside sees: kept from run to run, or told why not
    plant.py     Asterisk and the service, here as children; containers.py: the same two in containers
    people.py    a citizen's phone, two agents' phones, and the operator's sandbox numbers
    demo.py      the one call, told while it happens
    hints.py     what to try next, as lines that work when pasted
    tell.py      how all of it looks
    runner.py    the order of things, and what ends a run

Nothing here is for production: docs/how-to/install.md is.
"""
