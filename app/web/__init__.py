"""The studio in the browser: the server, its gate, pages and what they show."""
