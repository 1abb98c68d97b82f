"""What the book needs around its chapters: executed notebooks, fragments of pages, and two Sphinx extensions."""
