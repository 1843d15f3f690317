"""Tables, plots, the report page and the pages of docs/.

In a notebook, importing this makes every DataFrame show as people read it: rounded, with units, numbers to the right.
"""

import sys

if "IPython" in sys.modules:
    from IPython import get_ipython

    from emolib.report import tables

    if shell := get_ipython():
        shows = shell.display_formatter.formatters
        shows["text/html"].for_type_by_name("pandas.core.frame", "DataFrame", tables.to_html)
        shows["text/plain"].for_type_by_name(
            "pandas.core.frame",
            "DataFrame",
            lambda table, printer, cycle: printer.text(tables.rounded(table).to_string(index=bool(table.index.name))),
        )
