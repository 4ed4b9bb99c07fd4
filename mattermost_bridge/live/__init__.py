"""What open pages of the panel are told: that records of some kind changed, so that they fetch what they show anew.

`messages` is what services call, `teller` the thread that gathers and sends; both run in every process. `consumers`,
`people`, `origin`, `routing` and `layer` are the web process's side: who may listen, and to what; `concerns` says which
pages show what, `looking` keeps what they ask by themselves from having effects. Messages carry the kinds and keys of
what changed, never contents: a page asks for what it may see.
"""
