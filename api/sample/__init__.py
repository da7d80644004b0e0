"""A small alliance to try things on: two hotel groups and a chain of shops, with two months of business.

| module | what |
|---|---|
| `members` | who is in it: participants, merchants, fee rules, people; all invented |
| `history` | what they did: a seeded simulation that gives commands |
| `keys` | API keys for it, kept in a file that only we can read |
| `users` | people who may log in to its pages, with their passwords in such a file |
| `load` | puts it into an empty database, the way a user's calls would |
"""

from api.sample.keys import SAMPLE_KEYS_FILE, SampleKey, read_sample_keys
from api.sample.users import SAMPLE_USERS_FILE, SampleUser, read_sample_users

__all__ = [
    "SAMPLE_KEYS_FILE",
    "SAMPLE_USERS_FILE",
    "SampleKey",
    "SampleUser",
    "read_sample_keys",
    "read_sample_users",
]
