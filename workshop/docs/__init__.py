"""Pages that are written by the code they describe, so that they cannot go stale.

    python -m workshop.docs            write them anew
    python -m workshop.docs --check    say which committed page differs, and how to repair it

To add a page, write a function that returns its text and name it in `pages.PAGES`.
"""
