"""The calls for campaigns, as description/operations.py lists them.

POST /v1/campaigns/voice stands in no table: it does nothing but say so.
"""

from gateway.api import problem_types
from gateway.api.campaigns import schemas
from gateway.api.description.operation import AGAIN, BODY, CURSOR, LIMIT, REPEATED, Answer, Operation, Parameter
from gateway.settings import Scope

_TAKEN = (
    Answer(
        202,
        schemas.Campaign,
        "Every recipient is checked, and those accepted are on disk. It begins as soon as its schedule says.",
        ("Location", *AGAIN),
    ),
)
_MOVED = (Answer(200, schemas.Campaign, "The campaign, also when it was so before.", AGAIN),)
_MOVE_PROBLEMS = (problem_types.NOT_FOUND, problem_types.CAMPAIGN_STATUS, *REPEATED)
_STATUS = Parameter(
    "status",
    {"type": "string", "examples": ["running,paused"]},
    "Only campaigns that stand so: `loading`, `scheduled`, `running`, `paused`, `completed`, `canceled`, `failed`, "
    "several with commas.",
)
_CSV = "phone,first_name,code\n+34600000001,Alice,ALICE20\n"
_NDJSON = """\
{"campaign_name": "May Promotion", "message": "Hi {first_name}"}
{"phone": "+34600000001", "first_name": "Alice"}
"""

CAMPAIGN_OPERATIONS = (
    Operation(
        "submit_campaign",
        "POST",
        "/v1/campaigns/sms",
        Scope.SEND,
        "Send one text to many recipients. With NDJSON or CSV as the body, the other fields stand in the query",
        _TAKEN,
        (
            problem_types.INVALID_FIELDS,
            problem_types.NOT_AN_OBJECT,
            problem_types.TOO_MANY_RECIPIENTS,
            *BODY,
            *REPEATED,
            problem_types.REQUEST_UNDER_WAY,
            problem_types.STORE_FULL,
            problem_types.DRAINING,
            problem_types.TOO_MANY_UPLOADS,
        ),
        schemas.NewCampaign,
        keyed=True,
        other_bodies={"text/csv": _CSV, "application/x-ndjson": _NDJSON},
    ),
    Operation(
        "list_campaigns",
        "GET",
        "/v1/campaigns",
        Scope.READ,
        "List campaigns, newest first",
        (Answer(200, schemas.CampaignList, "One page, at most 50 of them."),),
        (problem_types.INVALID_FIELDS,),
        query=(_STATUS, LIMIT, CURSOR),
    ),
    Operation(
        "get_campaign",
        "GET",
        "/v1/campaigns/{id}",
        Scope.READ,
        "One campaign as it stands",
        (Answer(200, schemas.Campaign, "The campaign."),),
        (problem_types.NOT_FOUND,),
    ),
    Operation(
        "list_campaign_errors",
        "GET",
        "/v1/campaigns/{id}/errors",
        Scope.READ,
        "The recipients that were not taken, in the order of the upload",
        (Answer(200, schemas.RecipientErrorList, "One page."),),
        (problem_types.NOT_FOUND, problem_types.INVALID_FIELDS),
        query=(LIMIT, CURSOR),
    ),
    Operation(
        "pause_campaign",
        "POST",
        "/v1/campaigns/{id}/pause",
        Scope.SEND,
        "Stop sending a campaign for a while: what is in a carrier's window goes out",
        _MOVED,
        _MOVE_PROBLEMS,
        keyed=True,
    ),
    Operation(
        "resume_campaign",
        "POST",
        "/v1/campaigns/{id}/resume",
        Scope.SEND,
        "Send a paused campaign on",
        _MOVED,
        _MOVE_PROBLEMS,
        keyed=True,
    ),
    Operation(
        "cancel_campaign",
        "POST",
        "/v1/campaigns/{id}/cancel",
        Scope.SEND,
        "End a campaign: what is not sent yet is not sent",
        _MOVED,
        _MOVE_PROBLEMS,
        keyed=True,
    ),
)
