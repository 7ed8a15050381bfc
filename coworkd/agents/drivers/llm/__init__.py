"""The driver `llm`: a model behind an API, and a small loop that gives it tools.

The loop asks the model, runs the calls it makes, reports their results, and asks again, until it says that it has
finished. The transcript is kept on disk as it grows, so that a run that is cut short continues where it was. litellm is
imported by `litellm_client` alone, when the first request is made. What must never happen here: a call that the
rules do not allow, a step out of the worktree, a key in what the model, its commands or anyone else can see, or a
request to the model whose worst case exceeds the budget.
"""
