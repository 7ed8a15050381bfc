"""The driver that plays a recording back, and the recorder that makes one.

A replay must never reach the network, and changes only the files of its slot.
"""
