"""A stream as /openapi.json shows it: what a caller sends, and what it is answered."""

STREAM_LINES = """\
{"to":"+34600000001","text":"Your code is 1234","client_id":"order-8841"}
{"to":"+3460","text":"Your code is 5678","client_id":"order-8842"}
"""
STREAM_ANSWERS = (
    '{"line":1,"submission_id":"sub_01KAK5Y7Q4V8M3Z2T9N6C1XHRD","entity":{"id":"msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRE",'
    '"client_id":"order-8841","status":"queued","from":"SHOP","to":"+34600000001","text":"Your code is 1234",'
    '"lane":"transactional","encoding":"gsm7","segments":1,"allow_unicode":false,"campaign_id":null,"tag":null,'
    '"schedule":null,"expires_at":"2026-11-22T18:04:05.123Z","created_at":"2026-11-21T18:04:05.123Z"}}\n'
    '{"line":2,"error":{"client_id":"order-8842","code":"invalid_fields",'
    '"detail":"Not accepted. Correct 1 field and send it anew.","retryable":false,'
    '"fields":{"to":["is too short for Spain (+34): 2 digits, 9 are needed"]},"codes":{"to":["number_too_short"]}}}\n'
)
