"""A small Mattermost in a process of its own, to try the bridge on and to test against.

It knows nothing of the rest of the package. `python -m mattermost_bridge.sandbox --port 18790` serves on one port
the part of API v4 and of the WebSocket that a bridge uses, true to Mattermost 5.37 (or, with `--server-version 11`,
to what newer servers do differently), a chat page at `/`, and below `/sandbox/control/` what follows. `world` names
the bots, people and channels of the start; `testing` drives a sandbox from Python.

The control interface takes and gives JSON; errors are `{"error": "sentence"}` with status 400 or 404. Names of users
are user names. There is no sign-in: whoever reaches the port may do everything, so bind it to the loopback address.

Trouble for requests: `POST faults` makes a rule, the oldest that matches a request has it.
    kind            "answer" (instead of doing the work), "delay", "lose" (do the work, then close the connection
                    without an answer) or "hang" (hold until released)
    method, path    regular expressions; the path is searched without `/api/v4`, so `^/posts$` is POST posts,
                    `^/websocket$` the handshake and `^/hooks/commands/` late answers to slash commands
    who             only requests with a token of that user (a revoked one too)
    body_matches    only requests whose body has this regular expression
    times           how many requests, default 1, null for all; `skip` lets some pass first
    status, headers, body, error_id    of an answer; without a body: 429 is the rate limiter's, `error_id` gives the
                    API's error shape, else the body is empty
    stage           of delay and hang: "before" the work (default), "saving" (POST posts only: its `pending_post_id`
                    is taken and the post not yet stored) or "after" the work, before the answer
    seconds         of a delay
    GET faults; DELETE faults; DELETE faults/{id}; POST faults/{id}/release {"complete": true}: what is held goes on,
    or with false is cut with the work undone (stage after: done). The work goes on when the client has given up.

Trouble for sockets (without `who`: everybody's):
    POST sockets/drop {"who"}
    POST sockets/deafen {"who", "level": "events"|"replies"|"pongs", "count": false}    open but silent; "events"
                    still answers actions such as ping, "replies" only protocol pings, "pongs" nothing at all; with
                    `count` the missed events take sequence numbers, so that the next one shows a gap
    POST sockets/undeafen {"who"};    GET sockets

Trouble for the server:
    POST gone {"seconds": 10, "forget": false}    the port closes, connections are cut, data stay; without seconds
                    until the process gets SIGUSR1; `forget` empties the memory of pending ids, as a restart does
    POST rate_limit {"enabled", "per_second", "burst", "vary_by_user"}
    POST settings {"dedupe_window", "auth_timeout", "ping_interval", "pong_wait", "queue_limit", "echo", "version",
                    "enable_commands", "internal_connections" (whether private addresses are called),
                    "clock_offset_ms"};    GET settings
    POST reset      everything as at the start; sockets are dropped, rules and records forgotten

Accounts:
    POST tokens/revoke {"who", "token"}, tokens/restore {"who", "token"} (all tokens unless one is named),
    tokens/issue {"who"} -> {"token"}
    POST users/disable {"who"}, users/enable {"who"}
    POST users/commands {"who", "how": "team_admin", "role" or ""}    who may make slash commands; no bot at first
    POST users/team {"who", "inside": false}    leaves the team, or with true comes (back) into it
    POST users/people {"usernames": [...]}, users/bots {"username", "display_name"} -> ids and tokens

Doing and looking:
    POST posts {"who", "to": channel name, channel id or "@user", "message" or "messages", "root_id", "props",
                    "file_ids" (taken as they are), "count", "ids_only"}    "{n}" in the message is the number of the
                    post; -> {"posts": [...]}
    POST ephemeral {"who" (author), "to", "reader", "message"}
    POST channels {"who", "name", "display_name", "type"}
    POST members/add {"who", "channel", "user"}, members/remove {"who", "channel", "user"}
    GET posts?channel=NAME_OR_ID (all rows, oldest first: deleted ones and old revisions with their text),
    posts?between=alice,durar for a direct channel
    GET requests?method=&path=REGEX&who= -> {"count", "requests"};    DELETE requests
    GET authentications -> {"by_name": {"durar": {"accepted", "refused"}}, "entries"}
    GET world -> ids of the team, channels, people and bots
"""
