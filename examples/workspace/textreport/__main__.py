"""The command line: python3 -m textreport [--top N] FILE..."""

import argparse
import sys

from textreport import report, sources, words


def parser():
    options = argparse.ArgumentParser(prog="textreport", description="Print the most frequent words of text files.")
    options.add_argument("files", nargs="+", metavar="FILE")
    options.add_argument("--top", type=int, default=10, metavar="N", help="how many words to print (default: 10)")
    return options


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        text = sources.read_all(options.files)
    except sources.SourceError as error:
        print(f"textreport: {error}", file=sys.stderr)
        return 1
    rows = words.most_frequent(words.count(text), options.top)
    print(report.render(rows), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
