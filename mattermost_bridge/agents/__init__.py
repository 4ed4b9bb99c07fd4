"""Who answers: one small adapter for each kind of agent, all called through `Agent.answer(request, deadline=...)`.

`base` holds the values that go in and out, the list of backends and `build()`; `echo` repeats what it is told, so that
people can try Durar; `openai_compatible` talks to any server with the OpenAI chat API; `trial` asks one question on
behalf of an operator. Nothing here knows Django or a record.
"""
