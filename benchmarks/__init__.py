"""Benchmarks: how fast Tongdui posts, beside the limit of the same work written by hand in SQL.

`make bench` runs every section on a throw-away embedded server; `make bench ONLY=posting` runs one.

| module | what |
|---|---|
| `sections` | the list of sections, in the order in which they run |
| `posting`, `endpoint` | the sections: one module each |
| `limit`, `limit.sql`, `limit_unit.sql` | the same rows written by hand in SQL |
| `alliance`, `redemptions` | the data, and the work drawn on it |
| `clients` | the load generator for HTTP, a process of its own |
| `bench`, `sizes`, `measure` | what a section works with: server, how much, how it is timed |
| `results`, `report` | what a section hands back, and the table made of it |
"""
