"""The driver `llm`: a model behind an API, and a small loop that gives it tools.

The loop asks the model, carries out the calls it makes, tells it what came of them, and asks again, until it says that
it has finished. All of the conversation is kept on disk as it grows, so that a run that is cut short goes on where it
was. litellm is imported by `door` alone, when the first question is put. What must never happen here: a call that the
rules do not allow, a step out of the worktree, a key in what the model, its commands or anybody else gets to see, or a
question to the model whose worst case would pass the budget.
"""
