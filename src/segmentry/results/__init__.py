"""What did a run find, and how is it kept?

In: the records of the rooms below. Out: `Summary`, the run folder, and the saved model that scores
new users.
"""
