"""What a change does to the checks that verify it: pure functions over values, and one reader of git facts.

A finding is a reason to look closely, in words; none of them ever stops a change. `facts` reads what the others
compare, in a job; nothing here runs a command, and nothing decides who is asked.
"""
