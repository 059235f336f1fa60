"""POST /v1/sms/stream: messages line by line over one long request, each answered once it is on disk."""
