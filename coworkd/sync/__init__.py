"""Two-way sync between the files of `.cowork/` and the database.

`engine` drives it in this order: find what may have changed (`scanner`, `disk.watcher`, `dirty_set`), read it
(`reader`), merge it and store it (`ingest`, `merging`), and write files that do not hold what they should (`pusher`,
`disk`). Decisions are pure functions: `guards`, `merging.three_way`, `projection`.

It must never decide what runs, never infer anything from the kind of an event, never write over bytes it has not seen,
and never let one bad file affect another.
"""
