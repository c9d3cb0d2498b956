"""How is a log prepared once for many runs?

In: a `Source`. Out: a prepared folder, written block by block and resumable.
"""
