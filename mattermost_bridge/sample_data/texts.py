"""What made-up people are called, and what they write."""

from __future__ import annotations

PREFIX = "sample-"
NAMES = (
    *("carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim", "leo", "mallory", "nina", "olivia"),
    *("peggy", "quentin", "rupert", "sybil", "trent", "uma", "victor", "wendy", "xavier", "yasmin", "zoe", "amir"),
    *("bruno", "clara", "dmitri", "elena", "fatima"),
)
TEAMS = (
    *("Support", "Operations", "Billing", "Onboarding", "Release desk"),
    *("Legal", "Night shift", "Data", "Security", "Facilities"),
)
QUESTIONS = (
    "Can you summarise yesterday's incident for me?",
    "The deployment of billing failed again. What changed since Friday?",
    "Please write a short answer to the customer in ticket 4711: we are sorry, and the refund is on its way.",
    "hello",
    "Which of our servers still run the old kernel?",
    "thanks!",
    "Translate this into French: the office is closed on Monday.",
    "who is on call this weekend?",
)
ANSWERS = (
    "Yesterday at 14:02 the database of the shop was away for six minutes. Nothing was lost.",
    "Three commits touched billing since Friday: a longer timeout, the new tax table, and a typo.",
    "Done.",
    "Two of forty: web-03 and web-17. Both are to be restarted tonight.",
    "Le bureau est fermé lundi.",
)
CHATTER = ("lunch?", "the build is green again", "+1", "see the thread above", "moved to next week", "on it")
JOINED = ("joined the channel.", "left the channel.")
DELIVERY_ERRORS = (
    "POST /api/v4/posts answered 403: the bot is not a member of the channel. Invite it again.",
    "POST /api/v4/posts answered 400: the channel has been archived.",
)
TURN_ERRORS = (
    ("server_error", "The agent's server answered 500: internal error."),
    ("timeout", "The agent gave no answer within 120 s."),
)
