"""Webhooks: programs are told of their calls at their own addresses (Standard Webhooks 1.0), at least once, and in the
order of each call. What they are owed stands in the ledger; nothing here is remembered that could be lost."""
