"""Who waits how long, and whose phone may ring now: position, wait range, pacing of callbacks, and a day of it all.

Pure: nothing here asks a clock, Asterisk or the database. Times come in as arguments, chance from a given Random. The
simulator calls the same functions as the running service, so what it shows is what will be done.
"""
