"""What should be done with each segment, and what is that worth?

In: a `Summary` or a run folder. Out: insights with actions, budget plans, plans and results of
randomised tests.
"""
