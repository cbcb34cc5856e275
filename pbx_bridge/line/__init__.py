"""Who waits how long, and whose phone may ring now: position, wait range, pacing of callbacks, and a day of it all.

Pure: nothing here asks a clock, Asterisk or the database. Times come in as arguments, chance from a given Random.
A simulator that is to show what will be done has to call these same functions.
"""
