"""The second factor, without any I/O: one-time codes, authenticator apps, and how often anybody may try."""
