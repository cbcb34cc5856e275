"""The portals' own issuers of tokens: whether a citizen's token is good is asked here, and nowhere else.

Nothing that cannot be found out is believed: an issuer that does not answer makes its citizens wait.
"""
