"""Reviews: the document that a person approves, the risk of a change, and what an answer leads to.

It must never land anything, and never count an answer to another version of the review.
"""
