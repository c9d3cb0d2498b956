"""What happens to the segments from month to month?

In: the run folders and counts of successive windows. Out: what changed, and alarms.
"""
