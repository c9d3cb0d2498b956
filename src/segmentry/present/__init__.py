"""How do people see the results?

In: a `Summary` and run folders. Out: figures, the report, the dashboard, files for BI tools.
"""
