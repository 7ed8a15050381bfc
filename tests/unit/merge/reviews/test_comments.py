from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.reviews.comments import comments_as_text, find_comments

REVIEW = """Verified: 1 of 1 commands green.

# Add it

## Facts

- 2 files, +2 -1
- cost: $0.40

## Changes

```diff
--- a/src/a.py
+++ b/src/a.py
@@ -1 +1 @@
-x = 1
+x = `two`
--- a/b.md
+++ b/b.md
+hello
```
"""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("+x = `two`\n", "+x = `two`\nWhy two?\n", "In `src/a.py`, below `` +x = `two` ``:\n\nWhy two?"),
        ("+hello\n", "+hello\n\nFriendlier, please.\n", "In `b.md`, below `+hello`:\n\nFriendlier, please."),
        ("+hello\n", "+hello you\n", "In `b.md`, where it said `+hello`:\n\n+hello you"),
        ("- cost: $0.40\n", "- cost: $0.40\ntoo much!\n", 'Under "Facts", below `- cost: $0.40`:\n\ntoo much!'),
        ("## Facts\n\n", "## Facts\n\nNot these.\n\n", 'Under "Facts":\n\nNot these.'),
        ("# Add it\n", "# Add it\n\nNice.\n", "Below `# Add it`:\n\nNice."),
        ("Verified: 1", "Well done.\n\nVerified: 1", "Well done."),
    ],
)
def test_a_comment_is_told_with_the_place_that_it_is_about(before: str, after: str, told: str) -> None:
    assert comments_as_text(REVIEW, REVIEW.replace(before, after, 1)) == told


def test_text_at_the_end_stands_for_itself_and_several_comments_keep_their_order() -> None:
    saved = REVIEW.replace("+hello\n", "+hello\nOne.\n") + "\nAnd a moon.\nAt night.\n"
    assert comments_as_text(REVIEW, saved) == "In `b.md`, below `+hello`:\n\nOne.\n\nAnd a moon.\nAt night."


def test_what_was_only_taken_away_or_spaced_says_nothing() -> None:
    assert comments_as_text(REVIEW, REVIEW.replace("- cost: $0.40\n", "")) == ""
    assert comments_as_text(REVIEW, REVIEW.replace("## Changes\n", "## Changes\n\n\n")) == ""


@given(st.lists(st.sampled_from("ab+`#")), st.lists(st.sampled_from("ab+`#x")))
def test_no_word_that_was_added_is_lost(written: list[str], saved: list[str]) -> None:
    told = "".join(comment.text for comment in find_comments(written, saved))
    assert told.count("x") == saved.count("x")
