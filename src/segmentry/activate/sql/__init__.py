"""How does a database put users into segments by itself?

In: a run folder and a dialect. Out: one statement that gives each user the segment of `score`,
built as a tree and written in the database's own grammar; or the reason why it cannot.
"""
