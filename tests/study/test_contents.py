"""The table of contents: chapters may have sections, as those of a second paper will."""

from decnn.study import paths
from decnn.study.site import contents, notebooks

TOC = """
format: jb-book
root: book/index
parts:
  - caption: A
    chapters:
      - file: book/chapters/one
        sections:
          - file: book/chapters/two
            sections: [{file: book/three}]
      - file: book/chapters/four
"""


def test_sections_come_after_their_chapter_and_are_executed(tmp_path, monkeypatch):
    (tmp_path / "_toc.yml").write_text(TOC)
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    below = ["book/chapters/one", "book/chapters/two", "book/three", "book/chapters/four"]
    assert contents.parts() == {"A": below}
    assert contents.pages() == ["book/index", *below]
    assert [path.stem for path in notebooks.chapters()] == ["one", "two", "four"]
