"""The doctor against set-ups that are broken on purpose: one for each entry of the manual's troubleshooting and each
of its notes on slash commands; and the sentences that the log says meanwhile."""
