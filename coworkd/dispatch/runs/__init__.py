"""Runs: starting a run, recording its events, delivering messages and answers, and finishing it.

It must never choose which task runs (scheduling does), nor verify or merge what a run made.
"""
