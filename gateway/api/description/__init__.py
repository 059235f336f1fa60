"""How the API is described: the table of its calls, their JSON, examples, /openapi.json, /docs, the problems' pages."""
