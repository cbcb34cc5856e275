"""One file for each group of operations: what it takes, what it answers, how it can be refused."""
