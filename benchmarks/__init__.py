"""Benchmarks: how fast Tongdui is, beside the limit of the same work done by hand; `docs/performance.md`.

`make bench` runs every section on a throw-away embedded server; `make bench ONLY=posting` runs one. Each
section is one line of the table of targets.

| module | what |
|---|---|
| `sections` | the list of sections, in the order in which they run |
| `posting`, `writers`, `hot`, `journal` | sections of the posting function |
| `endpoint`, `cards`, `one_wallet`, `imports` | sections of the server, with `http` and `wallet` |
| `closing`, `statements`, `verifying` | sections that look back at a month, with `verify` |
| `start` | the section of `tongdui run` itself |
| `limit`, `limit.sql`, `limit_unit.sql` | the same rows written by hand in SQL |
| `empty_route`, `statement_file` | programs that are measured: a route that does nothing, one statement |
| `alliance`, `redemptions` | the data, and the work drawn on it |
| `filling`, `history` | a journal written by SQL, and a month of it for all sections that need one |
| `abreast` | posting from several processes |
| `server`, `traffic`, `clients` | Tongdui's server, what is sent to it, and the load generator |
| `bench`, `databases`, `sizes`, `measure` | what a section works with: server, how much, how it is timed |
| `results`, `report` | what a section hands back, and the table made of it |
"""
