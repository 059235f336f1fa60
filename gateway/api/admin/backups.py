"""POST /admin/backups: writes into the audit that a backup was taken, as `sluice backup` says when it has taken one."""

from msgspec import json
from quart import Response

from gateway.api.admin.asking import by
from gateway.api.admin.given import words
from gateway.api.base import json_response
from gateway.api.problems import invalid_fields
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.store.interface import Store


class BackupCall:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def taken(self) -> Response:
        given, errors = await words("name", "sha256"), ItemErrors()
        for name in ("name", "sha256"):
            if name not in given:
                errors.add(name, Fault("is missing", FaultCode.MISSING))
        if errors.fields:
            raise invalid_fields(errors.fields, errors.codes, done="Nothing was written down")
        await self._store.backup_taken(f"{given['name']} sha256:{given['sha256']}", by=by())
        return json_response(json.encode({"name": given["name"]}))
