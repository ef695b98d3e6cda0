"""No circle of files: not between rooms, and not inside one."""

from __future__ import annotations

import grimp
import networkx


def test_no_circle_of_files():
    """Imports inside functions count; those for type checkers alone do not, since nothing runs them."""
    graph = grimp.build_graph("xlreach", exclude_type_checking_imports=True, cache_dir=None)
    imports = {file: graph.find_modules_directly_imported_by(file) for file in graph.modules}
    assert sum(map(len, imports.values())) > len(imports) > 150
    circles = [sorted(files) for files in networkx.strongly_connected_components(networkx.DiGraph(imports))]
    assert [files for files in circles if len(files) > 1] == []
