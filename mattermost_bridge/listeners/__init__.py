"""The WebSocket side, inside a Celery worker.

`worker_step` starts a `host`, one thread with one asyncio loop that holds the leases of many accounts. Each account has
an `account.Listening`, which connects again and again; each connection is a `session.Session`: it reads frames, keeps
them through its `writer`, and lets `catch_up` read what was missed. `drafts` and `paging` are pure; all waiting goes
through `clock`, all blocking calls through `threads`.
"""
