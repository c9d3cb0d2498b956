"""What does a run use of the machine?

Worker processes, threads, memory, temporary files, seeds and the clock of steps. Nothing here knows
of users or logs.
"""
