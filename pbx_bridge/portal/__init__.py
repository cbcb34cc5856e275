"""HTTP: what portals, citizens' pages and operators ask, and how they are answered.

This room checks who asks and what they ask, hands it to the conductor, and reads the ledger. It never decides
about a call and never speaks to Asterisk. Everything private is masked before it comes here or leaves.
"""
