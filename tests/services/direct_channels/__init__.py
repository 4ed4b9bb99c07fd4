"""Opening direct channels on a real server: what becomes of the job, and of the messages that wait for it."""
