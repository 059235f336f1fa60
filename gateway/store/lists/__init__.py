"""Lists of messages and of events: pages, newest first, and the ids between which a page is looked for."""
