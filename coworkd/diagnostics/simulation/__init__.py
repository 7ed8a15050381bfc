"""A deterministic simulation of sync: people, editors, git, crashes and power loss around the real engine.

One thread, a virtual clock, a simulated disk, watcher and repository; the engine, the tables and the rules of the board
are the shipped ones. A history is a list of steps made from a seed, or a named one; running it twice gives the same
trace, and an oracle says what must hold when everything has come to rest. It must never touch the real file system, the
real clock, a thread or a source of randomness that is not the seed, and the daemon must never import it.
"""
