"""How the result looks on a terminal."""


def table(rows):
    """`rows` of (word, count) as aligned lines."""
    if not rows:
        return "no words\n"
    widest = max(len(word) for word, _ in rows)
    return "".join(f"{word:<{widest}}  {count:>3}\n" for word, count in rows)


def render(rows):
    """The whole report."""
    return table(rows)
