"""Backlogs of other tools become tasks and plans, and the other way round.

A format reads the files of one tool into `SourceItem`s (`formats/`), `planning` decides what files these become, and
`rendering` writes their text. Nothing here writes into the workspace: `coworkd import` does, as a person would. Nothing
that is imported may start, and no command in it may run.
"""
