"""Pure rules of policy: which tool calls are allowed, how risky a call or a path is, what untrusted text may set.

It must never perform I/O or know where a rule was written.
"""
