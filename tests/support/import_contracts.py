"""A contract for import-linter: a package that imports the standard library and little else.

import-linter's own `forbidden` contract names what is not allowed, so every new library would have to be
added to it. For the functional cores the short list is the other one: what *is* allowed.
"""

import sys

import grimp
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Modules in `source_modules` import the standard library and what lies in `allowed_modules`.

    Being *in* a package means the package itself and everything below it. Imports under
    `if TYPE_CHECKING:` count too: a core that names a database type knows of the database.
    """

    source_modules = fields.ListField(subfield=fields.ModuleField())
    allowed_modules = fields.ListField(subfield=fields.ModuleField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Return the check with one `importer -> imported` line for every import that is not allowed."""
        sources = _names(self.source_modules)
        allowed = _names(self.allowed_modules)
        faults = sorted(
            f"{importer} -> {imported}"
            for importer in graph.modules
            if _lies_in(importer, sources)
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.partition(".")[0] not in sys.stdlib_module_names and not _lies_in(imported, allowed)
        )
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the imports that are not allowed."""
        for fault in check.metadata["faults"]:
            output.print_error(fault)


def _names(modules: object) -> tuple[str, ...]:
    """The names in a parsed field: import-linter sets a list of Module where the class has a Field."""
    assert isinstance(modules, list)
    return tuple(module.name for module in modules)


def _lies_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)
