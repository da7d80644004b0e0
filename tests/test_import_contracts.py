"""The contract of our own for import-linter."""

import grimp
import pytest

from support.import_contracts import StandardLibraryOnly


@pytest.mark.parametrize(
    ("imported", "kept"),
    [
        ("decimal", True),
        ("clearing.core.amounts", True),
        ("clearing.corella", False),
        ("clearing.tables", False),
        ("sqlalchemy", False),
    ],
)
def test_a_core_imports_the_standard_library_and_itself(imported: str, kept: bool) -> None:
    graph = grimp.ImportGraph()
    for module in {"clearing.core", "clearing.core.decide", imported}:
        graph.add_module(module)
    graph.add_import(importer="clearing.core.decide", imported=imported)
    contract = StandardLibraryOnly(
        name="core",
        session_options={},
        contract_options={"source_modules": ["clearing.core"], "allowed_modules": ["clearing.core"]},
    )
    check = contract.check(graph, verbose=False)
    assert check.kept is kept
    assert check.metadata["faults"] == ([] if kept else [f"clearing.core.decide -> {imported}"])
