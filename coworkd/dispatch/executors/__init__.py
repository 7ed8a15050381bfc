"""Executors: the port through which runs are carried out, the executor of this machine, and the values it passes.

It must never decide which run starts or what follows from its end.
"""
