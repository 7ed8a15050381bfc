"""What of a verification's environment leads into a checkout of the user.

What such a verification says is about the user's files, or about nothing, and never about the commit that is checked.
`search_path` keeps the obvious out; the rest looks for what leads there all the same. Only reads: no program of the
repository is run to find out.
"""
