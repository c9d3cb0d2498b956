"""How are users grouped?

In: a user table. Out: `X`, clusterings and their scores, and a `Segmentation`.
"""
