"""The driver `codex`: Codex by its app server, JSON-RPC over its standard streams.

`messages` names what is said, `calls` tells which tool call an approval is about, `troubles` types errors (all pure);
`permits` rules on its approvals and holds those a person must decide; `conversation` hears it out, `agent` starts it.
It must never take a turn's end for success unless the turn says that it is completed.
"""
