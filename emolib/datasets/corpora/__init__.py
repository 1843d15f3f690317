"""The corpora, each in a module that says everything about it: files, labels, tasks, licence, citation.

To add one, write a module like `wesad.py` with a generator `trials(root, modality, dropped)` and a `Corpus` under its
name in capitals, and put both names into `MODULES` of `emolib.datasets`.
"""
