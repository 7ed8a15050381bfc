"""`queue_peers.py NAME FOLDER COUNT`: microseconds that a queue of others takes to hand out an item and to end it.

Run by an interpreter that has the queue; it is filled before the time is taken.
"""

# pyright: basic, reportMissingImports=false
# The queues are in an interpreter of their own, which has nothing of this project.

import sys
import time
from pathlib import Path


def litequeue(folder, count):
    from litequeue import LiteQueue

    queue = LiteQueue(str(folder / "queue.db"))
    for number in range(count):
        queue.put(f"task-{number}")
    return lambda: queue.done(queue.pop().message_id)


def huey(folder, count):
    from huey import SqliteHuey

    storage = SqliteHuey(filename=str(folder / "queue.db")).storage
    for number in range(count):
        storage.enqueue(b"task-%d" % number)

    def claim_and_end():
        storage.put_data(storage.dequeue(), b"done")

    return claim_and_end


def persist_queue(folder, count):
    from persistqueue import SQLiteAckQueue

    queue = SQLiteAckQueue(str(folder), auto_commit=True)
    for number in range(count):
        queue.put(f"task-{number}")
    return lambda: queue.ack(queue.get())


def main():
    name, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    claim_and_end = {"litequeue": litequeue, "huey": huey, "persist-queue": persist_queue}[name](folder, count)
    began = time.perf_counter()
    for _ in range(count):
        claim_and_end()
    print(1e6 * (time.perf_counter() - began) / count)


main()
