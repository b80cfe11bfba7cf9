# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A document that several commands write: each owns what stands between its two marks and leaves the rest alone."""
import pathlib


def write_section(path, title, name, lines):
    """Put lines into the section `name` of the document at path; a new document gets the title, a new section the end."""
    path = pathlib.Path(path)
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text() if path.exists() else f"# {title}\n"
    section = "\n".join([begin, *lines, end])
    if begin in text:
        before, rest = text.split(begin, 1)
        text = before + section + rest.split(end, 1)[1]
    else:
        text = text.rstrip("\n") + "\n\n" + section + "\n"
    path.write_text(text)
