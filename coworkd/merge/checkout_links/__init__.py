"""What of a verification's environment leads into a checkout of the user.

The result of such a verification is about the user's files, and never about the commit that is checked.
`checkouts.path_outside` keeps their folders off the search path; the other modules look for what leads there all the
same. It must never run a program of the repository to find that out, and never write.
"""
