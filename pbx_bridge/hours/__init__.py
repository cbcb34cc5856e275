"""When a desk answers and when a citizen sleeps, without any I/O: schedules, the calendar of Russia, and what is open.

Every instant is given and given back in UTC; a zone is always a name, never an offset.
"""
