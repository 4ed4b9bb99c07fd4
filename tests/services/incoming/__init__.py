"""What becomes of what comes in, from the inbox to the answer, by the settings of the account."""
