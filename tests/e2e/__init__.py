"""Whole processes, started, killed and started again: what Durar promises must hold whenever any of them dies.

`stack` runs a Durar with its broker, its database and a sandbox; `ledger` says what was sent and what was answered;
`staged_worker` is a worker that kills itself at a chosen stage.
"""
