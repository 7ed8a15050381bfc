"""The driver `claude`: Claude Code in its two-way mode, lines of JSON over its standard streams.

`messages` makes and reads what is said, `calls` tells which tool call it is about, `troubles` types errors (all pure);
`bill` turns its running sums into what was used since the last report; `permits` rules on its calls and holds those a
person must decide; `conversation` hears it out, `agent` starts it. It must never take a turn's end for success without
the program's explicit result, and never allow a call that neither the rules nor a person allowed.
"""
