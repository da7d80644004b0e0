"""The shapes of the contract as marshmallow schemas: requests are checked by them, answers documented."""
