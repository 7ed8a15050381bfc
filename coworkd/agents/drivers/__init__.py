"""Drivers: one package or module per kind of agent, each behind the port of `coworkd.agents.port`.

A driver must never import another driver, touch the workspace, or guess the kind of an error from prose.
"""
