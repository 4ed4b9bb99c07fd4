"""Django's SQLite backend, with a queue in front of it for the threads of one process."""
