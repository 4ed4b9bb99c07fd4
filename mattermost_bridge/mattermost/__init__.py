"""A Mattermost server as its client sees it: API v4 over HTTP (`rest`) and its WebSocket (`stream`, `events`).

The adapter knows neither Django nor Durar's records. It takes what a server sends as plain frozen values (`types`,
`events`), and says what went wrong in one exception (`errors.MattermostError`) that tells a caller whether to try
again, to look first, or to give up. Written against Mattermost 5.37 and liberal enough for 11.
"""
