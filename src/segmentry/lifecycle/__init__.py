"""What changed since last time?

In: who was in which segment, who would be after another fit, and the counts of successive windows.
Out: stable keys, a `ChangeReport` with the decision to keep the model or to fit it again,
membership over time, and alarms.
"""
