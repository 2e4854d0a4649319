"""Evidence without what its file says of who made it, where and when: the copy that officers are given.

The original stays as it came, sealed. What is left of a copy is what a person sees, reads or hears in it.
"""
