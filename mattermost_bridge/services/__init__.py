"""What changes records: one verb a function, which makes the change, writes its audit row and hints after the commit.

Edges call services; services ask the rules; nothing here waits for the network inside a transaction.
"""
