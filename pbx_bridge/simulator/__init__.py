"""A day at the desk on a virtual clock: what would be done, by the functions that do it.

Pure: no I/O, no clock; a seed is an argument. People are drawn by chance, decisions never: they are `directory.decide`,
`line` and `hours`, as the service asks them. A rule that stood here too would prove nothing.
"""
