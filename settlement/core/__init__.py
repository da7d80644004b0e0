"""The functional core of settlement: standard library and `clearing.core` only, no SQL and no clock."""
