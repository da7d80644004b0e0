"""Ids of what no writer makes, as the routes use them."""

from clearing.new_id import new_id

__all__ = ["new_id"]
