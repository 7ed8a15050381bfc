"""What the drivers of programs that speak JSON lines share: the channel, tool calls, the skeleton of a conversation.

It must never name a vendor: what one program does differently belongs to its driver.
"""
