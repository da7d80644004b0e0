"""One module for each revision, named by date and subject."""
