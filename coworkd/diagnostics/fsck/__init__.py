"""Whether files, database, refs, records and audit agree; and, when asked, what can be derived made to agree again.

Looking changes nothing. Repairing uses only what is still there: it never throws away bytes that a person wrote, never
makes up a hash, a seal or an answer, and starts nothing.
"""
