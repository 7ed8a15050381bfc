"""From text to counted words."""

import re
from collections import Counter

WORD = re.compile(r"[a-z]+")


def words(text):
    """The words of `text` in order, in lower case."""
    return WORD.findall(text.lower())


def count(text):
    """How often each word of `text` occurs."""
    return Counter(words(text))


def most_frequent(counts, limit):
    """The `limit` most frequent words as (word, count); words of one count come in alphabetical order."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ranked[:limit]
