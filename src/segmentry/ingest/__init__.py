"""What do the files hold, and what of it can be used?

In: files, folders and a mapping. Out: a `Source`, its checked rows in parts by user, and an account
of every row.
"""
