"""`sluice doctor`: files that others may read or change."""

from pathlib import Path

from examined_machines import a_case, findings, the, worst, written

from gateway.cli.doctor.findings import Verdict


async def test_a_secret_that_everybody_may_read_is_a_warning(tmp_path: Path) -> None:
    config = written(tmp_path)
    (tmp_path / "telco_password").chmod(0o644)
    finding = the(await findings(a_case(config), "files"), Verdict.WARNING, "telco_password")
    assert finding.remedy == f"chmod o= {tmp_path}/telco_password"


async def test_a_configuration_that_others_may_change_is_a_warning(tmp_path: Path) -> None:
    config = written(tmp_path)
    config.chmod(0o660)
    assert str(the(await findings(a_case(config), "files"), Verdict.WARNING, "may change it").remedy).startswith(
        "chmod"
    )


async def test_files_that_are_included_by_an_absolute_pattern_are_looked_at_each(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("a", "b"):
        (tmp_path / "more" / f"{name}.toml").write_text("")
        (tmp_path / "more" / f"{name}.toml").chmod(0o600)
    config = written(tmp_path, top=f'include = ["{tmp_path}/more/*.toml"]')
    found = await findings(a_case(config), "files")
    assert worst(found) == []
    assert {f"{tmp_path}/more/a.toml", f"{tmp_path}/more/b.toml"} <= {finding.about for finding in found}
