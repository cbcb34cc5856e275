"""Ways to tell a citizen something that are no telephone call. Text messages only, so far."""
