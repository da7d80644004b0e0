"""People who log in to the pages: who they are, how they prove it, how long that holds, and what they did.

What a person may do is the scope of an API key, so that pages and API ask the same functions with the same
caller. Nothing here knows HTTP: `api.pages` does.
"""
